//! Compares the stream with the ledger in one pass over both, read-only, also while the service
//! runs.
//!
//! The stream is read once, without payloads, up to where it ended when the comparison began. Every
//! message names its place in the ledger, so both are read in the same order, and what is kept in
//! memory is what seems to be missing.

use std::collections::{BTreeMap, VecDeque};

use time::OffsetDateTime;
use uuid::Uuid;

use super::findings::{Difference, Finding, Findings};
use crate::{
    domain::ids::{LedgerSeq, StreamSeq},
    jetstream::{MessageId, ProbeError, ScanRequest, ScanStart, ScannedMessage, StreamReader, may_be_unrouted},
    security::{LedgerMarks, LedgerPlace},
    store::{EventPosition, Ledger, StoreError},
};

const SCAN_CHUNK: usize = 1000;
const LEDGER_CHUNK: u64 = 2000;
/// Further missing events are only counted.
const MAX_SUSPECTS: usize = 100_000;

/// Why a comparison could not be finished.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    #[error("the stream cannot be read")]
    Stream(#[from] ProbeError),
    #[error("the ledger cannot be read")]
    Ledger(#[from] StoreError),
}

/// Compare, from the messages that were stored at `since` on.
pub async fn verify(
    ledger: &Ledger,
    reader: &StreamReader,
    since: Option<OffsetDateTime>,
    mut progress: impl FnMut(u64, u64),
) -> Result<Findings, VerifyError> {
    // In this order: what is published by the first read is in the stream at the second.
    let published = ledger.published_through().await?;
    let facts = reader.position().await?;
    let mut run = Run {
        ledger,
        id: ledger.id().await?,
        first: ledger.first().await?,
        findings: Findings::of(facts.first_seq, facts.last_seq),
        cursor: None,
        read: LedgerSeq::default(),
        rows: VecDeque::new(),
        before: StreamSeq::default(),
        suspects: BTreeMap::new(),
    };
    if facts.last_seq >= facts.first_seq {
        let start = since.map_or(ScanStart::Sequence(facts.first_seq), ScanStart::Time);
        let request = ScanRequest { start, subjects: Vec::new(), headers_only: true };
        let mut scan = reader.scan(request).await?;
        let total = scan.pending();
        loop {
            let chunk = scan.chunk(SCAN_CHUNK, facts.last_seq).await?;
            for message in &chunk {
                run.compare(message).await?;
            }
            progress(run.findings.messages, total);
            if chunk.is_empty() {
                break;
            }
        }
        if run.cursor.is_some() {
            run.skip_to(published.saturating_add(1)).await?;
        }
    }
    let now = reader.position().await?;
    run.confirm(if now.created == facts.created {
        now.first_seq
    } else {
        StreamSeq::from(u64::MAX)
    })
    .await
}

struct Run<'a> {
    ledger: &'a Ledger,
    id: Uuid,
    /// The oldest event of the ledger.
    first: Option<LedgerSeq>,
    findings: Findings,
    /// The last event in the order of the ledger.
    cursor: Option<LedgerSeq>,
    /// Up to here rows were read.
    read: LedgerSeq,
    rows: VecDeque<EventPosition>,
    /// The stream sequence of the last message in order.
    before: StreamSeq,
    /// Events that were expected behind a stream sequence and not found there.
    suspects: BTreeMap<LedgerSeq, (EventPosition, StreamSeq)>,
}

impl Run<'_> {
    async fn compare(&mut self, message: &ScannedMessage) -> Result<(), VerifyError> {
        self.findings.messages += 1;
        let place = message.mark.as_deref().and_then(LedgerMarks::claimed);
        match (&message.id, place.filter(|place| place.ledger == self.id)) {
            (MessageId::Replayed { .. }, Some(_)) => self.findings.replayed += 1,
            (MessageId::Event(id), Some(place)) => self.compare_event(message, *id, place).await?,
            (id, _) => self.note(Difference::Extra, message, id.text(), None),
        }
        Ok(())
    }

    async fn compare_event(
        &mut self,
        message: &ScannedMessage,
        id: Uuid,
        LedgerPlace { seq, .. }: LedgerPlace,
    ) -> Result<(), VerifyError> {
        let text = Some(id.to_string());
        if self.first.is_none_or(|first| seq < first) {
            self.findings.pruned += 1;
            return Ok(());
        }
        if self.cursor.is_some_and(|cursor| seq <= cursor) {
            let late = self.suspects.remove(&seq).is_some();
            let known = self.ledger.positions_after(seq.saturating_sub(1), seq, 1).await?;
            let difference = match known.first() {
                Some(row) if row.id != id => Difference::Extra,
                None => Difference::Extra,
                Some(_) if late => Difference::OutOfOrder,
                Some(_) => Difference::Duplicate,
            };
            self.note(difference, message, text, Some(seq));
            return Ok(());
        }
        match self.skip_to(seq).await? {
            Some(row) if row.id == id => {
                self.findings.in_place += 1;
                let follows = row.user_seq_before.is_none_or(|before| row.user_seq == Some(before.saturating_add(1)));
                if row.user_seq.is_some() && !follows {
                    self.note(Difference::OutOfOrder, message, text, Some(seq));
                }
                self.cursor = Some(seq);
                self.before = message.seq;
            }
            _ => self.note(Difference::Extra, message, text, Some(seq)),
        }
        Ok(())
    }

    /// Read the ledger up to `seq`. What is before it was expected in the stream.
    async fn skip_to(&mut self, seq: LedgerSeq) -> Result<Option<EventPosition>, StoreError> {
        let Some(_) = self.cursor else {
            // The stream begins here.
            self.read = seq.saturating_sub(1);
            return self.next_row(seq).await;
        };
        while let Some(row) = self.next_row(seq).await? {
            if row.seq == seq {
                return Ok(Some(row));
            }
            if may_be_unrouted(&row.subject) {
                self.findings.unrouted += 1;
            } else if self.suspects.len() < MAX_SUSPECTS {
                self.suspects.insert(row.seq, (row, self.before));
            } else {
                self.findings.count_missing();
            }
        }
        Ok(None)
    }

    /// The next row up to `seq`.
    async fn next_row(&mut self, seq: LedgerSeq) -> Result<Option<EventPosition>, StoreError> {
        if self.rows.is_empty() && self.read < seq {
            let through = self.read.saturating_add(LEDGER_CHUNK.try_into().unwrap_or(i64::MAX)).max(seq);
            self.rows = self.ledger.positions_after(self.read, through, LEDGER_CHUNK).await?.into();
            let full = u64::try_from(self.rows.len()) == Ok(LEDGER_CHUNK);
            // What is committed later than this read is behind it.
            self.read = match self.rows.back() {
                Some(last) if full || last.seq > seq => last.seq,
                _ => seq,
            };
        }
        Ok(if self.rows.front().is_some_and(|row| row.seq <= seq) {
            self.rows.pop_front()
        } else {
            None
        })
    }

    fn note(
        &mut self,
        difference: Difference,
        message: &ScannedMessage,
        id: Option<String>,
        ledger_seq: Option<LedgerSeq>,
    ) {
        self.findings.add(Finding {
            difference,
            stream_seq: message.seq,
            id,
            subject: message.subject.clone(),
            ledger_seq,
        });
    }

    /// What the stream has discarded meanwhile is not missing.
    async fn confirm(mut self, first_seq: StreamSeq) -> Result<Findings, VerifyError> {
        for (row, before) in std::mem::take(&mut self.suspects).into_values() {
            if before.saturating_add(1) < first_seq {
                continue;
            }
            self.findings.add(Finding {
                difference: Difference::Missing,
                stream_seq: before.saturating_add(1),
                id: Some(row.id.to_string()),
                subject: row.subject,
                ledger_seq: Some(row.seq),
            });
        }
        self.findings.waiting = self.ledger.backlog().await?.pending;
        Ok(self.findings)
    }
}

impl MessageId {
    fn text(&self) -> Option<String> {
        match self {
            Self::Event(id) => Some(id.to_string()),
            Self::Replayed { event, replay } => Some(format!("{event}.{replay}")),
            Self::Other(text) => text.clone(),
        }
    }
}
