//! Publishing batches of rows and settling what was acknowledged.

use std::time::Duration;

use bytes::Bytes;
use time::OffsetDateTime;
use tokio::time::Instant;
use uuid::Uuid;
use watchword_events::split_subject;

use super::{parts::RelayParts, unrouted};
use crate::{
    domain::ids::{LedgerSeq, StreamSeq},
    jetstream::{EventPublisher, MAX_ATOMIC_BATCH_SIZE, OutgoingEvent, PublishOutcome, Reason},
    store::{LedgerRow, StoreError, StreamAck},
    telemetry::{Metrics, crash_point},
};

#[derive(Debug, Default)]
pub(crate) struct Published {
    /// The highest stream sequence that was acknowledged and no duplicate.
    pub(crate) highest: StreamSeq,
    /// The lowest one: if it is not above what was known before, the stream has lost its end.
    pub(crate) lowest: Option<StreamSeq>,
    /// Whether the stream may have a row that is not settled.
    pub(crate) unknown: bool,
    /// The first failure that is worth a retry.
    pub(crate) failure: Option<Reason>,
    /// The size of the last batch: below [`READ_BATCH_SIZE`] no rows are left.
    pub(crate) last_read: usize,
}

/// What fits into one atomic batch.
pub(crate) const READ_BATCH_SIZE: u64 = MAX_ATOMIC_BATCH_SIZE as u64;
/// After this time the worker checks the stream and the lease again.
const MAX_RUN_TIME: Duration = Duration::from_millis(250);

/// Publish rows, and those after them as long as batches are full, and settle what was
/// acknowledged. After an error it is not known what is settled, so the outcome of everything that
/// was sent is unknown.
///
/// While the stream stores one batch, the ledger settles the batch before it and reads the batch
/// after it, so that both servers work at the same time. A batch is sent after all of the batch
/// before it is stored.
///
/// # Errors
///
/// [`StoreError`] when the ledger cannot be written.
pub(crate) async fn publish<P: EventPublisher>(
    parts: &RelayParts<P>,
    rows: Vec<LedgerRow>,
) -> Result<Published, StoreError> {
    let mut published = Published::default();
    let mut before = BatchAnswers::default();
    let mut rows = rows;
    let until = Instant::now() + MAX_RUN_TIME;
    while !rows.is_empty() && published.failure.is_none() {
        let last = rows.last().map(|row| row.seq);
        published.last_read = rows.len();
        let more = published.is_full() && Instant::now() < until;
        let (settled, answers, next) = tokio::join!(
            before.settle(parts),
            send(parts, rows, &mut published),
            read_after(parts, last.filter(|_| more)),
        );
        settled?;
        before = answers;
        rows = next;
    }
    before.settle(parts).await?;
    Ok(published)
}

/// Read the rows after those in flight. An error is left to the next read.
async fn read_after<P>(parts: &RelayParts<P>, last: Option<LedgerSeq>) -> Vec<LedgerRow> {
    if last.is_none() {
        return Vec::new();
    }
    parts.ledger.unpublished_after(last, READ_BATCH_SIZE).await.unwrap_or_default()
}

/// What the ledger has to settle about one batch.
#[derive(Default)]
struct BatchAnswers {
    acks: Vec<StreamAck>,
    parked: Vec<(LedgerSeq, Uuid, Reason)>,
    unrouted: Vec<LedgerSeq>,
    /// When the batch was answered; `None` before the first one.
    at: Option<OffsetDateTime>,
}

impl BatchAnswers {
    async fn settle<P>(&self, parts: &RelayParts<P>) -> Result<(), StoreError> {
        if let Some(at) = self.at {
            parts.ledger.store_acks(&self.acks, at).await?;
            parts.ledger.step_over(&self.unrouted, at).await?;
        }
        for (seq, event_id, reason) in &self.parked {
            park(parts, *seq, *event_id, reason).await?;
        }
        Ok(())
    }
}

async fn send<P: EventPublisher>(
    parts: &RelayParts<P>,
    rows: Vec<LedgerRow>,
    published: &mut Published,
) -> BatchAnswers {
    let (seqs, events): (Vec<LedgerSeq>, Vec<OutgoingEvent>) = rows.into_iter().map(outgoing).unzip();
    crash_point::reach("before_publish");
    let outcomes = parts.publisher.publish(&events).await;
    crash_point::reach("after_publish_before_settle");
    let now = parts.clock.now();
    let mut answers = BatchAnswers {
        acks: Vec::with_capacity(seqs.len()),
        parked: Vec::new(),
        unrouted: Vec::new(),
        at: Some(now),
    };
    parts.metrics.publish_batch_size.observe(count(events.len()));
    for ((seq, event), outcome) in seqs.into_iter().zip(&events).zip(outcomes) {
        match outcome {
            PublishOutcome::Acked { stream_seq, duplicate } => {
                acknowledged(&parts.metrics, event, stream_seq, duplicate, now);
                answers.acks.push(StreamAck { seq, stream_seq });
                if !duplicate {
                    published.highest = published.highest.max(stream_seq);
                    published.lowest = Some(published.lowest.map_or(stream_seq, |lowest| lowest.min(stream_seq)));
                }
            }
            PublishOutcome::Unknown(reason) => {
                published.unknown = true;
                published.fail(parts, event, reason);
            }
            // The failure that stopped it is logged.
            PublishOutcome::Retry(Reason::NotSent) => {}
            PublishOutcome::Retry(reason) => published.fail(parts, event, reason),
            PublishOutcome::Parked(reason) => answers.parked.push((seq, event.id.as_uuid(), reason)),
            PublishOutcome::Unrouted(reason) => {
                unrouted::report(&parts.metrics, event, &reason);
                answers.unrouted.push(seq);
            }
        }
    }
    answers
}

impl Published {
    /// Whether rows may be left after the last batch.
    pub(crate) fn is_full(&self) -> bool {
        u64::try_from(self.last_read) == Ok(READ_BATCH_SIZE)
    }

    fn fail<P>(&mut self, parts: &RelayParts<P>, event: &OutgoingEvent, reason: Reason) {
        parts.metrics.publish_failed(reason.code());
        // One line for the first failure, which stopped the others.
        if self.failure.is_none() {
            tracing::warn!(event_id = %event.id, subject = event.subject, %reason, "event not published; retrying");
            self.failure = Some(reason);
        } else {
            tracing::debug!(event_id = %event.id, subject = event.subject, %reason, "event not published; retrying");
        }
    }
}

pub(crate) fn outgoing(row: LedgerRow) -> (LedgerSeq, OutgoingEvent) {
    let event = OutgoingEvent {
        id: row.id.into(),
        subject: row.subject,
        version: row.schema_version,
        user_id: row.user_id.map(Into::into),
        user_seq: row.user_seq,
        occurred_at: row.occurred_at,
        traceparent: row.traceparent,
        payload: Bytes::from(row.payload),
    };
    (row.seq, event)
}

fn acknowledged(metrics: &Metrics, event: &OutgoingEvent, stream_seq: StreamSeq, duplicate: bool, now: OffsetDateTime) {
    let latency = now - event.occurred_at;
    metrics.publish_duration.observe(latency.as_seconds_f64().max(0.0));
    metrics.event_published(split_subject(&event.subject).0);
    if duplicate {
        metrics.publish_duplicates.inc();
    }
    let latency_ms = i64::try_from(latency.whole_milliseconds()).unwrap_or(i64::MAX);
    let (subject, stream_seq) = (&event.subject, stream_seq.get());
    tracing::info!(event_id = %event.id, subject, stream_seq, duplicate, latency_ms, "event published");
}

async fn park<P>(parts: &RelayParts<P>, seq: LedgerSeq, event_id: Uuid, reason: &Reason) -> Result<(), StoreError> {
    tracing::error!(%event_id, %reason, "event cannot be published; parked until an operator acts");
    parts.metrics.publish_failed(reason.code());
    parts.ledger.park(seq, &reason.to_string()).await
}

/// A number of events for a histogram.
fn count(events: usize) -> f64 {
    u32::try_from(events).map_or(f64::from(u32::MAX), f64::from)
}
