//! One read's worth of rows: published, logged, settled.

use std::time::Duration;

use bytes::Bytes;
use time::OffsetDateTime;
use tokio::time::Instant;
use uuid::Uuid;

use super::task::RelayParts;
use crate::{
    jetstream::{ATOMIC_MOST, EventPublisher, Outcome, OutgoingEvent, Reason},
    store::{LedgerRow, StoreError, StreamAck},
    telemetry::{Metrics, crash_point},
};

/// What became of the rows.
#[derive(Debug, Default)]
pub(crate) struct Published {
    /// The highest sequence acknowledged as new.
    pub(crate) highest: u64,
    /// The lowest sequence acknowledged as new: at or below one known before, the stream is not what it was.
    pub(crate) lowest: Option<u64>,
    /// A row may be stored without our knowing.
    pub(crate) unknown: bool,
    /// The first thing that went wrong and is worth another try.
    pub(crate) failure: Option<Reason>,
    /// How many rows the last read had: fewer than [`READ`] means that nothing was left behind them.
    pub(crate) last_read: usize,
}

/// How many rows are read at once: what fits into one atomic batch.
pub(crate) const READ: u64 = ATOMIC_MOST as u64;
/// How long reads follow one another before the worker looks at the stream and the lead again.
const RUN: Duration = Duration::from_millis(250);

/// Publishes rows, and those behind them as long as there are full reads, and settles what was acknowledged. On an error
/// nothing is known to be settled, so everything that was sent is unknown.
///
/// While the stream takes one part, the ledger writes down what became of the part before it and reads the part after it,
/// so that both servers work at the same time. A part is sent only once all of the part before it is stored.
///
/// # Errors
///
/// [`StoreError`] when the ledger cannot be written.
pub(crate) async fn publish<P: EventPublisher>(
    parts: &RelayParts<P>,
    rows: Vec<LedgerRow>,
) -> Result<Published, StoreError> {
    let mut published = Published::default();
    let mut before = Answered::default();
    let mut rows = rows;
    let until = Instant::now() + RUN;
    while !rows.is_empty() && published.failure.is_none() {
        let last = rows.last().map(|row| row.seq);
        published.last_read = rows.len();
        let more = published.is_full() && Instant::now() < until;
        let (settled, answered, next) = tokio::join!(
            before.settle(parts),
            send(parts, rows, &mut published),
            read_behind(parts, last.filter(|_| more)),
        );
        settled?;
        before = answered;
        rows = next;
    }
    before.settle(parts).await?;
    Ok(published)
}

/// The rows behind those that are on their way. When they cannot be read now, the next step will say so.
async fn read_behind<P>(parts: &RelayParts<P>, last: Option<i64>) -> Vec<LedgerRow> {
    if last.is_none() {
        return Vec::new();
    }
    parts.ledger.unpublished_after(last, READ).await.unwrap_or_default()
}

/// What the ledger has to write down about one part.
#[derive(Default)]
struct Answered {
    acks: Vec<StreamAck>,
    parked: Vec<(i64, Uuid, Reason)>,
    /// When the part was answered; none before the first part.
    at: Option<OffsetDateTime>,
}

impl Answered {
    async fn settle<P>(&self, parts: &RelayParts<P>) -> Result<(), StoreError> {
        if let Some(at) = self.at {
            parts.ledger.store_acks(&self.acks, at).await?;
        }
        for (seq, event_id, reason) in &self.parked {
            park(parts, *seq, *event_id, reason).await?;
        }
        Ok(())
    }
}

/// Publishes one part.
async fn send<P: EventPublisher>(parts: &RelayParts<P>, rows: Vec<LedgerRow>, published: &mut Published) -> Answered {
    let (seqs, events): (Vec<i64>, Vec<OutgoingEvent>) = rows.into_iter().map(outgoing).unzip();
    crash_point::reach("before_publish");
    let outcomes = parts.publisher.publish(&events).await;
    crash_point::reach("after_publish_before_settle");
    let now = (parts.now)();
    let mut answered = Answered {
        acks: Vec::with_capacity(seqs.len()),
        parked: Vec::new(),
        at: Some(now),
    };
    parts.metrics.publish_batch_size.observe(count(events.len()));
    for ((seq, event), outcome) in seqs.into_iter().zip(&events).zip(outcomes) {
        match outcome {
            Outcome::Acked { stream_seq, duplicate } => {
                acknowledged(&parts.metrics, event, stream_seq, duplicate, now);
                answered.acks.push(StreamAck {
                    seq,
                    stream_seq: i64::try_from(stream_seq).unwrap_or(i64::MAX),
                });
                if !duplicate {
                    published.highest = published.highest.max(stream_seq);
                    published.lowest = Some(published.lowest.map_or(stream_seq, |lowest| lowest.min(stream_seq)));
                }
            }
            Outcome::Unknown(reason) => {
                published.unknown = true;
                published.fail(parts, event, reason);
            }
            // Not even tried: the failure before it is logged.
            Outcome::Retry(Reason::NotSent) => {}
            Outcome::Retry(reason) => published.fail(parts, event, reason),
            Outcome::Parked(reason) => answered.parked.push((seq, event.id, reason)),
        }
    }
    answered
}

impl Published {
    /// Whether the last read may have left rows behind.
    pub(crate) fn is_full(&self) -> bool {
        u64::try_from(self.last_read) == Ok(READ)
    }

    fn fail<P>(&mut self, parts: &RelayParts<P>, event: &OutgoingEvent, reason: Reason) {
        parts.metrics.publish_failed(reason.code());
        // One line for what stopped the call; the rest waits behind it.
        if self.failure.is_none() {
            tracing::warn!(event_id = %event.id, subject = event.subject, %reason, "event not published; it is tried again");
            self.failure = Some(reason);
        } else {
            tracing::debug!(event_id = %event.id, subject = event.subject, %reason, "event not published; it is tried again");
        }
    }
}

pub(crate) fn outgoing(row: LedgerRow) -> (i64, OutgoingEvent) {
    let event = OutgoingEvent {
        id: row.id,
        subject: row.subject,
        version: row.schema_version,
        user_id: row.user_id,
        occurred_at: row.occurred_at,
        traceparent: row.traceparent,
        payload: Bytes::from(row.payload),
    };
    (row.seq, event)
}

fn acknowledged(metrics: &Metrics, event: &OutgoingEvent, stream_seq: u64, duplicate: bool, now: OffsetDateTime) {
    let latency = now - event.occurred_at;
    metrics.publish_duration.observe(latency.as_seconds_f64().max(0.0));
    metrics.event_published(&event.subject);
    if duplicate {
        metrics.publish_duplicates.inc();
    }
    let latency_ms = i64::try_from(latency.whole_milliseconds()).unwrap_or(i64::MAX);
    tracing::info!(event_id = %event.id, subject = event.subject, stream_seq, duplicate, latency_ms, "event published");
}

async fn park<P>(parts: &RelayParts<P>, seq: i64, event_id: Uuid, reason: &Reason) -> Result<(), StoreError> {
    tracing::error!(%event_id, %reason, "event cannot be published; it is parked and waits for an operator");
    parts.metrics.publish_failed(reason.code());
    parts.ledger.park(seq, &reason.to_string()).await
}

/// A number of events for a histogram; no batch is so large that a float could not hold it.
fn count(events: usize) -> f64 {
    u32::try_from(events).map_or(f64::from(u32::MAX), f64::from)
}
