//! Finds what the stream has and the ledger lacks, after the restore of a backup or a failover that
//! lost commits.
//!
//! The stream is read twice: without payloads up to the first event that the ledger lacks, and from
//! there on whole, since only the body proves that a message is one of ours.

mod ended;

use std::collections::BTreeMap;

use uuid::Uuid;
use watchword_events::{ReceivedEvent, split_subject};

pub use self::ended::Lost;
use crate::{
    domain::ids::{LedgerSeq, StreamSeq},
    jetstream::{MessageId, ProbeError, ScanRequest, ScanStart, ScannedMessage, StreamFacts, StreamReader},
    security::{LedgerMarks, LedgerPlace},
    store::{Adoption, LeaderLease, MissingEvent, RelayPosition, StoreError},
};

const CHUNK: usize = 1000;

/// Why the missing events could not be found.
#[derive(Debug, thiserror::Error)]
pub enum AdoptError {
    #[error("the stream cannot be read")]
    Stream(#[from] ProbeError),
    #[error("the ledger cannot be read")]
    Ledger(#[from] StoreError),
    #[error("the stream has two events of the sequence {0} of this ledger; only one can be adopted")]
    Twice(LedgerSeq),
}

/// What the ledger lacks.
#[derive(Debug, Default)]
pub struct LedgerGap {
    pub adoption: Adoption,
    /// What the missing events changed and cannot be restored from them.
    pub lost: Vec<Lost>,
    /// Whether the ledger would give out sequences that it has published.
    pub sequence_behind: bool,
    /// Whether messages claim to be missing events, and none proves it.
    pub unproven: bool,
}

impl LedgerGap {
    /// Whether the ledger lacks nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.adoption.missing.is_empty() && !self.sequence_behind
    }
}

/// Find what the ledger lacks. `lease` keeps the relays of other instances away.
///
/// # Errors
/// [`AdoptError`]
pub async fn find_gap(
    lease: &LeaderLease,
    reader: &StreamReader,
    marks: &LedgerMarks,
    mut progress: impl FnMut(u64, u64),
) -> Result<LedgerGap, AdoptError> {
    let facts = reader.position().await?;
    let (ends, position) = (lease.ends().await?, lease.position().await?);
    let published = position.map_or_else(LedgerSeq::default, |position| position.seq);
    let find = Find {
        lease,
        reader,
        marks,
        ledger: lease.ledger_id().await?,
        // What is below the first event was deleted for its age.
        oldest: ends.first.unwrap_or_else(|| ends.assigned.saturating_add(1)),
        facts,
    };
    let mut gap = LedgerGap {
        sequence_behind: ends.assigned < published.max(ends.last),
        ..LedgerGap::default()
    };
    if let Some(start) = find.first_lacking(&mut progress).await? {
        find.read(start, &mut gap.adoption).await?;
        let events = &gap.adoption.missing;
        gap.unproven = events.is_empty();
        (gap.adoption.endings, gap.lost) = ended::by(events);
    }
    Ok(gap)
}

struct Find<'a> {
    lease: &'a LeaderLease,
    reader: &'a StreamReader,
    marks: &'a LedgerMarks,
    ledger: Uuid,
    oldest: LedgerSeq,
    facts: StreamFacts,
}

impl Find<'_> {
    /// The first message that claims to be an event that the ledger lacks.
    async fn first_lacking(&self, progress: &mut impl FnMut(u64, u64)) -> Result<Option<StreamSeq>, AdoptError> {
        if self.facts.last_seq < self.facts.first_seq {
            return Ok(None);
        }
        let start = ScanStart::Sequence(self.facts.first_seq);
        let request = ScanRequest { start, subjects: Vec::new(), headers_only: true };
        let mut scan = self.reader.scan(request).await?;
        let (total, mut done) = (scan.pending(), 0);
        loop {
            let chunk = scan.chunk(CHUNK, self.facts.last_seq).await?;
            if chunk.is_empty() {
                return Ok(None);
            }
            let claimed: Vec<_> = chunk
                .iter()
                .filter_map(|message| {
                    let place = message.mark.as_deref().and_then(LedgerMarks::claimed)?;
                    self.event_at(message, place).map(|(seq, id)| (message.seq, seq, id))
                })
                .collect();
            let known = self.known(claimed.iter().map(|(_, seq, _)| *seq)).await?;
            let lacking = claimed.iter().find(|(_, seq, id)| known.get(seq) != Some(id));
            if let Some((first, ..)) = lacking {
                return Ok(Some(*first));
            }
            done += u64::try_from(chunk.len()).unwrap_or(u64::MAX);
            progress(done, total);
        }
    }

    /// Read the messages from `start` on, and note which events are missing.
    async fn read(&self, start: StreamSeq, adoption: &mut Adoption) -> Result<(), AdoptError> {
        let request = ScanRequest {
            start: ScanStart::Sequence(start),
            subjects: Vec::new(),
            headers_only: false,
        };
        let mut scan = self.reader.scan(request).await?;
        let mut missing: BTreeMap<LedgerSeq, MissingEvent> = BTreeMap::new();
        loop {
            let chunk = scan.chunk(CHUNK, self.facts.last_seq).await?;
            if chunk.is_empty() {
                break;
            }
            let ours: Vec<_> = chunk.iter().filter_map(|message| Some((message, self.proven(message)?))).collect();
            let known = self.known(ours.iter().map(|(_, (seq, _))| *seq)).await?;
            for (message, (seq, id)) in ours {
                if known.get(&seq) == Some(&id) {
                    adoption.stored.insert(seq);
                } else if missing.get(&seq).is_some_and(|other| other.id != id) {
                    return Err(AdoptError::Twice(seq));
                } else {
                    missing.entry(seq).or_insert_with(|| read_event(message, seq, id));
                    adoption.position = Some(self.position_at(message.seq, seq, id));
                }
            }
        }
        if let Some(seq) = missing.keys().find(|seq| adoption.stored.contains(seq)) {
            return Err(AdoptError::Twice(*seq));
        }
        adoption.missing = missing.into_values().collect();
        Ok(())
    }

    /// The place and the id of an event of ours.
    fn proven(&self, message: &ScannedMessage) -> Option<(LedgerSeq, Uuid)> {
        let MessageId::Event(id) = message.id else { return None };
        let mark = message.mark.as_deref()?;
        let place = self.marks.read(mark, &id.to_string(), &message.payload)?;
        self.event_at(message, place)
    }

    /// The place and the id of an event that the ledger has or lacks; not of copies and of what is
    /// older than the ledger.
    fn event_at(&self, message: &ScannedMessage, place: LedgerPlace) -> Option<(LedgerSeq, Uuid)> {
        let MessageId::Event(id) = message.id else { return None };
        (place.ledger == self.ledger && place.seq >= self.oldest).then_some((place.seq, id))
    }

    async fn known(&self, seqs: impl Iterator<Item = LedgerSeq>) -> Result<BTreeMap<LedgerSeq, Uuid>, StoreError> {
        self.lease.ids_at(&seqs.collect::<Vec<_>>()).await
    }

    fn position_at(&self, stream_seq: StreamSeq, seq: LedgerSeq, id: Uuid) -> RelayPosition {
        RelayPosition {
            stream: self.reader.stream().to_owned(),
            created: self.facts.created,
            seq,
            stream_seq,
            message_id: Some(id.to_string()),
            refill_from: None,
        }
    }
}

/// The event as its message has it: headers were made from the columns of the ledger.
fn read_event(message: &ScannedMessage, seq: LedgerSeq, id: Uuid) -> MissingEvent {
    let received = ReceivedEvent::from_json(&message.payload).ok();
    let (subject, custom_name) = split_subject(&message.subject);
    MissingEvent {
        seq,
        id,
        subject: subject.to_owned(),
        custom_name: custom_name.map(str::to_owned),
        user_id: message.user,
        user_seq: message.user_seq,
        session_id: received.and_then(|received| received.event?.session_id()),
        schema_version: message.version.unwrap_or(1),
        traceparent: message.traceparent.clone(),
        // The id has its time too.
        occurred_at: message.occurred_at.unwrap_or_else(|| time_of(id)),
        payload: message.payload.to_vec(),
    }
}

fn time_of(id: Uuid) -> time::OffsetDateTime {
    let millis = i128::try_from(id.as_u128() >> 80).unwrap_or_default();
    time::OffsetDateTime::from_unix_timestamp_nanos(millis * 1_000_000).unwrap_or(time::OffsetDateTime::UNIX_EPOCH)
}
