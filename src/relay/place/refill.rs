//! How far back a stream that replaces a lost one is filled: as far as it would hold.

use time::OffsetDateTime;

use crate::{
    domain::{clock::signed_duration, ids::LedgerSeq},
    jetstream::StreamFacts,
    store::{LeaderLease, LedgerEnds, StoreError},
};

/// Rows that one query reads.
const PAGE_SIZE: u64 = 1000;
/// What headers add to a message, roughly.
const HEADER_BYTES: u64 = 1024;

/// Find the first event to publish again, of those up to `published`. With none to publish again it
/// is the one behind.
pub(in crate::relay) async fn first(
    lease: &LeaderLease,
    facts: &StreamFacts,
    published: LedgerSeq,
    ends: LedgerEnds,
    now: OffsetDateTime,
) -> Result<LedgerSeq, StoreError> {
    // What was never published takes its own part of the stream.
    let waiting = ends.last.get().saturating_sub(published.get()).max(0).unsigned_abs();
    let mut room = Room {
        messages: facts.max_msgs.map(|max| max.saturating_sub(waiting)),
        bytes: facts.max_bytes,
        since: facts.max_age.and_then(|age| now.checked_sub(signed_duration(age))),
    };
    let mut first = published.saturating_add(1);
    loop {
        let rows = lease.sizes_below(first, PAGE_SIZE).await?;
        let before = first;
        for row in &rows {
            if !room.takes(row.bytes + HEADER_BYTES) {
                return Ok(first);
            }
            if room.is_young(row.occurred_at) {
                first = row.seq;
            }
        }
        // One row that a wrong clock dated back does not end it.
        if first == before {
            return Ok(first);
        }
    }
}

/// What is left of the limits of a stream.
struct Room {
    messages: Option<u64>,
    bytes: Option<u64>,
    since: Option<OffsetDateTime>,
}

impl Room {
    fn takes(&mut self, size: u64) -> bool {
        let less = |room: Option<u64>, by: u64| match room {
            Some(room) => room.checked_sub(by).map(Some),
            None => Some(None),
        };
        let (Some(messages), Some(bytes)) = (less(self.messages, 1), less(self.bytes, size)) else {
            return false;
        };
        (self.messages, self.bytes) = (messages, bytes);
        true
    }

    fn is_young(&self, occurred_at: OffsetDateTime) -> bool {
        self.since.is_none_or(|since| occurred_at >= since)
    }
}
