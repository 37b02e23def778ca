//! The rows of one publication, and what of them is sent.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use time::OffsetDateTime;
use tokio::time::Instant;
use uuid::Uuid;
use watchword_events::split_subject;

use super::stub;
use super::unrouted;
use crate::relay::parts::RelayParts;
use crate::{
    domain::ids::LedgerSeq,
    jetstream::{OutgoingEvent, OutgoingMessage, StreamFacts, may_be_unrouted},
    security::LedgerPlace,
    store::LedgerRow,
    telemetry::{Metrics, SeededBug},
};

/// How long a right that is missing is not asked for again.
const DENIAL_TTL: Duration = Duration::from_secs(60);

/// What the relay has learned from refused publications.
#[derive(Debug, Default)]
pub(in crate::relay) struct Lessons {
    denied: HashMap<String, Instant>,
    /// Up to here events are sent one by one, since a batch was refused.
    pub(in crate::relay) singly_through: LedgerSeq,
    /// An event that the stream refused for its size.
    pub(in crate::relay) too_large: Option<LedgerSeq>,
}

impl Lessons {
    /// Let the others not wait for events on a subject that the user may not publish to, for a
    /// while: the right may be given at any time. False: it is known already.
    pub(in crate::relay) fn deny(&mut self, subject: &str) -> bool {
        self.denied.retain(|_, at| at.elapsed() < DENIAL_TTL);
        self.denied.insert(subject.to_owned(), Instant::now()).is_none()
    }

    fn is_denied(&self, subject: &str) -> bool {
        self.denied.get(subject).is_some_and(|at| at.elapsed() < DENIAL_TTL)
    }
}

/// Rows of the ledger in their order.
#[derive(Debug)]
pub(in crate::relay) struct Batch {
    /// What is sent.
    pub(in crate::relay) events: Vec<OutgoingEvent>,
    /// The messages that carry the events, until they are sent.
    pub(in crate::relay) messages: Vec<OutgoingMessage>,
    /// What the stream does not take, and why.
    unrouted: Vec<(OutgoingEvent, String)>,
    /// How many of the events are cut.
    truncated: u64,
    /// The last row.
    pub(in crate::relay) through: LedgerSeq,
    /// How many rows it has.
    pub(in crate::relay) rows: usize,
    /// Whether there were no rows behind it when it was read.
    pub(in crate::relay) is_last: bool,
}

impl Batch {
    /// `None` when there are no rows.
    pub(in crate::relay) fn of(
        rows: Vec<LedgerRow>,
        is_last: bool,
        ledger: Uuid,
        parts: &RelayParts,
        facts: &StreamFacts,
        lessons: &Lessons,
    ) -> Option<Self> {
        let through = rows.last()?.seq;
        let mut batch = Self {
            events: Vec::with_capacity(rows.len()),
            messages: Vec::with_capacity(rows.len()),
            unrouted: Vec::new(),
            truncated: 0,
            through,
            rows: rows.len(),
            is_last,
        };
        for row in rows {
            let mut event = outgoing(ledger, row);
            if let Some(reason) = not_taken(&event, facts, lessons) {
                batch.unrouted.push((event, reason));
                continue;
            }
            let mut message = parts.publisher.message(&event);
            if parts.publisher.is_too_large(&message, facts) || lessons.too_large == Some(event.place.seq) {
                batch.truncated += 1;
                event = stub::of(&event);
                message = parts.publisher.message(&event);
            }
            batch.events.push(event);
            batch.messages.push(message);
        }
        if SeededBug::DroppedBatchTail.is_active() && batch.events.len() > 1 {
            batch.events.pop();
            batch.messages.pop();
        }
        Some(batch)
    }

    /// Count and log that the first `stored` events are stored.
    pub(in crate::relay) fn report(&self, parts: &RelayParts, stored: usize, last: u64) {
        let now = parts.clock.now();
        for (event, back) in self.events.iter().take(stored).zip((0..stored).rev()) {
            let seq = last.saturating_sub(u64::try_from(back).unwrap_or(u64::MAX));
            acknowledged(&parts.metrics, event, seq, now);
        }
        // Of a part, the rows between are counted when the rest is stored.
        if stored == self.events.len() {
            parts.metrics.event_truncated.inc_by(self.truncated);
            if self.truncated > 0 {
                tracing::error!(
                    events = self.truncated,
                    through = self.through.get(),
                    "events are larger than the stream takes and were cut (data.truncated); the ledger has them whole"
                );
            }
            for (event, reason) in &self.unrouted {
                unrouted::report(&parts.metrics, event, reason);
            }
        }
    }
}

/// Why the stream does not get an event that the others do not wait for.
fn not_taken(event: &OutgoingEvent, facts: &StreamFacts, lessons: &Lessons) -> Option<String> {
    if !may_be_unrouted(&event.subject) {
        None
    } else if !facts.takes(&event.subject) {
        Some(format!("the stream does not take {}", event.subject))
    } else if lessons.is_denied(&event.subject) {
        Some(format!("the NATS user has no right to {}", event.subject))
    } else {
        None
    }
}

pub(in crate::relay) fn outgoing(ledger: Uuid, row: LedgerRow) -> OutgoingEvent {
    OutgoingEvent {
        place: LedgerPlace { ledger, seq: row.seq },
        id: row.id.into(),
        subject: row.subject,
        version: row.schema_version,
        user_id: row.user_id.map(Into::into),
        user_seq: row.user_seq,
        occurred_at: row.occurred_at,
        traceparent: row.traceparent,
        payload: Bytes::from(row.payload),
    }
}

fn acknowledged(metrics: &Metrics, event: &OutgoingEvent, stream_seq: u64, now: OffsetDateTime) {
    let latency = now - event.occurred_at;
    metrics.publish_duration.observe(latency.as_seconds_f64().max(0.0));
    metrics.event_published(split_subject(&event.subject).0);
    let latency_ms = i64::try_from(latency.whole_milliseconds()).unwrap_or(i64::MAX);
    tracing::info!(event_id = %event.id, subject = event.subject, stream_seq, latency_ms, "event published");
}
