//! Compares the whole stream with the ledger, read-only, also while the service runs.
//!
//! The stream is read once, without payloads, up to where it ended when the comparison began. What
//! seems to be missing is checked again at the end: by then it may have expired, or be about to be
//! published again. Rows that are not published yet are not missing.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use time::OffsetDateTime;
use uuid::Uuid;

use super::compare::Extent;
use super::findings::{Difference, Finding, Findings};
use crate::{
    domain::clock::signed_duration,
    domain::ids::{LedgerSeq, StreamSeq, UserSeq},
    jetstream::{MessageId, ProbeError, ScanRequest, ScanStart, ScannedMessage, Stored, StreamFacts, StreamReader},
    store::{EventPosition, Ledger, StoreError},
};

const SCAN_CHUNK: usize = 1000;

/// Why a comparison could not be finished.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    #[error("the stream cannot be read")]
    Stream(#[from] ProbeError),
    #[error("the ledger cannot be read")]
    Ledger(#[from] StoreError),
}

/// Compare. Events from more than `retention` before `now` may be deleted from the ledger.
pub async fn verify(
    ledger: &Ledger,
    reader: &StreamReader,
    retention: Duration,
    now: OffsetDateTime,
    mut progress: impl FnMut(u64, u64),
) -> Result<Findings, VerifyError> {
    // In this order: what is settled in the ledger at the first read must be in the stream at the
    // second.
    let highest = ledger.max_stream_seq().await?;
    let facts = reader.position().await?;
    let start = ScanStart::Sequence(facts.first_seq);
    let mut run = Run {
        ledger,
        reader,
        horizon: Extent::new(&facts, now).horizon(),
        oldest: now.checked_sub(signed_duration(retention)),
        findings: Findings::of(facts.first_seq, facts.last_seq),
        users: HashMap::new(),
        unsettled: HashSet::new(),
        misplaced: HashSet::new(),
        suspects: Vec::new(),
        first_row: None,
    };
    let request = ScanRequest { start, subjects: Vec::new(), headers_only: true };
    let mut from = facts.first_seq;
    if facts.last_seq >= facts.first_seq {
        let mut scan = reader.scan(request).await?;
        let total = scan.pending();
        loop {
            let chunk = scan.chunk(SCAN_CHUNK, facts.last_seq).await?;
            let through = chunk.last().map_or(facts.last_seq, |last| last.seq);
            run.compare(&chunk, from, through).await?;
            progress(run.findings.messages, total);
            from = through.saturating_add(1);
            if chunk.is_empty() {
                break;
            }
        }
    }
    if let Some(highest) = highest.filter(|highest| *highest > facts.last_seq) {
        let behind = ledger.positions_between(facts.last_seq.saturating_add(1), highest, run.horizon).await?;
        run.suspects.extend(behind);
    }
    run.confirm(&facts).await
}

struct Run<'a> {
    ledger: &'a Ledger,
    reader: &'a StreamReader,
    /// Events from before this time are no longer in the stream.
    horizon: Option<OffsetDateTime>,
    /// Events from before this time may be deleted from the ledger.
    oldest: Option<OffsetDateTime>,
    findings: Findings,
    /// The highest user sequence of each user so far.
    users: HashMap<Uuid, UserSeq>,
    unsettled: HashSet<Uuid>,
    misplaced: HashSet<Uuid>,
    suspects: Vec<EventPosition>,
    /// The ledger sequence of the first event in the stream.
    first_row: Option<LedgerSeq>,
}

impl Run<'_> {
    /// Compare the messages of a range of the stream with the rows that should be there.
    async fn compare(
        &mut self,
        chunk: &[ScannedMessage],
        from: StreamSeq,
        through: StreamSeq,
    ) -> Result<(), VerifyError> {
        let rows = self.ledger.positions_between(from, through, None).await?;
        let mut here: HashMap<Uuid, &EventPosition> = rows.iter().map(|row| (row.id, row)).collect();
        let is_here =
            |seen: &ScannedMessage, id: &Uuid| here.get(id).is_some_and(|row| row.stream_seq == Some(seen.seq));
        let elsewhere: Vec<Uuid> = chunk
            .iter()
            .filter_map(|seen| match &seen.id {
                MessageId::Event(id) if !is_here(seen, id) => Some(*id),
                _ => None,
            })
            .collect();
        let elsewhere = self.ledger.positions_by_id(&elsewhere).await?;
        let elsewhere: HashMap<Uuid, &EventPosition> = elsewhere.iter().map(|row| (row.id, row)).collect();
        let mut found = HashSet::new();
        for seen in chunk {
            self.findings.messages += 1;
            match &seen.id {
                MessageId::Replayed { .. } => self.findings.replayed += 1,
                MessageId::Other(text) => self.note(Difference::Extra, seen, text.clone(), None),
                MessageId::Event(id) => {
                    let row = here.get(id).copied().filter(|row| row.stream_seq == Some(seen.seq));
                    match row.or_else(|| elsewhere.get(id).copied()) {
                        Some(row) if row.stream_seq == Some(seen.seq) => {
                            found.insert(*id);
                            self.findings.in_place += 1;
                            self.first_row.get_or_insert(row.seq);
                            self.check_order(seen, row);
                        }
                        Some(row) => self.not_in_place(seen, row).await?,
                        None => self.not_in_ledger(seen, *id),
                    }
                }
            }
        }
        here.retain(|id, _| !found.contains(id));
        let lacking = here.into_values().filter(|row| !self.is_expired(row)).cloned();
        self.suspects.extend(lacking.collect::<Vec<_>>());
        Ok(())
    }

    /// Handle a message of an event that the ledger has at another sequence, or at none.
    async fn not_in_place(&mut self, seen: &ScannedMessage, row: &EventPosition) -> Result<(), VerifyError> {
        let original = match row.stream_seq {
            None if self.unsettled.insert(row.id) => {
                self.findings.unsettled += 1;
                self.check_order(seen, row);
                return Ok(());
            }
            None => true,
            Some(_) if self.misplaced.contains(&row.id) => true,
            Some(seq) => self.reader.message_at(seq).await? == Stored::Event(row.id),
        };
        let difference = if original {
            Difference::Duplicate
        } else {
            self.misplaced.insert(row.id);
            self.check_order(seen, row);
            Difference::Misplaced
        };
        self.note(difference, seen, Some(row.id.to_string()), Some(row.seq));
        Ok(())
    }

    /// Handle a message of an event that the ledger does not have.
    fn not_in_ledger(&mut self, seen: &ScannedMessage, id: Uuid) {
        if id_time(id).is_some_and(|at| self.oldest.is_some_and(|oldest| at < oldest)) {
            self.findings.pruned += 1;
        } else {
            self.note(Difference::Extra, seen, Some(id.to_string()), None);
        }
    }

    fn check_order(&mut self, seen: &ScannedMessage, row: &EventPosition) {
        let Some((user, number)) = row.user else { return };
        let highest = self.users.entry(user).or_insert(number);
        if number < *highest {
            self.note(Difference::OutOfOrder, seen, Some(row.id.to_string()), Some(row.seq));
        } else {
            *highest = number;
        }
    }

    fn note(
        &mut self,
        difference: Difference,
        seen: &ScannedMessage,
        id: Option<String>,
        ledger_seq: Option<LedgerSeq>,
    ) {
        self.findings.add(Finding {
            difference,
            stream_seq: seen.seq,
            id,
            subject: seen.subject.clone(),
            ledger_seq,
        });
    }

    fn is_expired(&self, row: &EventPosition) -> bool {
        self.horizon.is_some_and(|horizon| row.occurred_at < horizon)
    }

    /// Check again what seems to be missing.
    async fn confirm(mut self, before: &StreamFacts) -> Result<Findings, VerifyError> {
        let facts = self.reader.position().await?;
        let suspects = std::mem::take(&mut self.suspects);
        for rows in suspects.chunks(SCAN_CHUNK) {
            let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
            let now: HashMap<Uuid, EventPosition> =
                self.ledger.positions_by_id(&ids).await?.into_iter().map(|row| (row.id, row)).collect();
            for row in rows {
                let unchanged = now.get(&row.id).is_some_and(|now| now.stream_seq == row.stream_seq);
                if !unchanged || self.misplaced.contains(&row.id) || self.discarded(row, before, &facts) {
                    continue;
                }
                let seq = row.stream_seq.unwrap_or_default();
                if self.reader.message_at(seq).await? != Stored::Event(row.id) {
                    self.findings.add(Finding {
                        difference: Difference::Missing,
                        stream_seq: seq,
                        id: Some(row.id.to_string()),
                        subject: row.subject.clone(),
                        ledger_seq: Some(row.seq),
                    });
                }
            }
        }
        self.findings.waiting = self.ledger.backlog().await?.pending;
        Ok(self.findings)
    }

    /// Whether the stream has discarded the event, or another stream has acknowledged it.
    fn discarded(&self, row: &EventPosition, before: &StreamFacts, now: &StreamFacts) -> bool {
        let same_stream = before.created == now.created;
        !same_stream
            || row.stream_seq.is_some_and(|seq| seq < now.first_seq)
            || self.first_row.is_some_and(|first| row.seq < first)
    }
}

/// The time in a UUIDv7.
fn id_time(id: Uuid) -> Option<OffsetDateTime> {
    let (seconds, nanos) = id.get_timestamp()?.to_unix();
    let at = OffsetDateTime::from_unix_timestamp(i64::try_from(seconds).ok()?).ok()?;
    Some(at + time::Duration::nanoseconds(i64::from(nanos)))
}
