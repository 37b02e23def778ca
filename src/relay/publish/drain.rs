//! Publishing the ledger from a place on, while there are rows.

use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use super::batch::{Batch, Lessons};
use crate::relay::parts::RelayParts;
use crate::relay::place::cursor::Place;
use crate::relay::place::position::PositionWriter;
use crate::{
    domain::ids::LedgerSeq,
    jetstream::{Answer, Failure, MAX_ATOMIC_BATCH_SIZE, SendMode, StreamFacts},
    store::{LeaderLease, NextRows, StoreError},
    telemetry::{SeededBug, crash_point},
};

/// What fits into one atomic batch.
const BATCH_SIZE: u64 = MAX_ATOMIC_BATCH_SIZE as u64;
/// After this time the worker checks the stream and the lease again.
const MAX_RUN_TIME: Duration = Duration::from_millis(250);

/// Why a run ended.
#[derive(Debug)]
pub(in crate::relay) enum Drained {
    /// No rows are left, after so many in the last batch.
    CaughtUp(usize),
    /// A running transaction may still add an event before the next one.
    Blocked,
    /// There may be further rows.
    TimeUp,
    /// The end of the stream has to be read before anything is sent again.
    Failed {
        failure: Failure,
        event: Option<LedgerSeq>,
        through: LedgerSeq,
    },
}

/// One run.
pub(in crate::relay) struct Drain<'a> {
    pub(in crate::relay) parts: &'a RelayParts,
    pub(in crate::relay) lease: &'a mut LeaderLease,
    pub(in crate::relay) ledger: Uuid,
    pub(in crate::relay) facts: StreamFacts,
    pub(in crate::relay) lessons: &'a Lessons,
    pub(in crate::relay) place: &'a mut Place,
    pub(in crate::relay) position: &'a mut PositionWriter,
    /// The most events to send in this run.
    pub(in crate::relay) allowance: Option<u64>,
}

impl Drain<'_> {
    /// Publish batch after batch. One is in flight: a second one could continue a stream that
    /// somebody else has moved on by just so many messages (ADR 0042). While the server stores it,
    /// the next rows are read.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails; what is in flight is then found in the stream.
    pub(in crate::relay) async fn run(mut self) -> Result<Drained, StoreError> {
        let until = Instant::now() + MAX_RUN_TIME;
        let mut limit = self.limit();
        let mut next = self.lease.next_rows(self.place.cursor, limit).await?;
        loop {
            let rows = match next {
                NextRows::Blocked => return Ok(Drained::Blocked),
                NextRows::Decided(rows) => rows,
            };
            let read = rows.len();
            let Some(batch) = Batch::of(rows, self.ledger, self.parts, &self.facts, self.lessons) else {
                return Ok(if limit == 0 {
                    Drained::TimeUp
                } else {
                    Drained::CaughtUp(0)
                });
            };
            let is_last = u64::try_from(read).is_ok_and(|read| read < limit);
            self.allowance = self.allowance.map(|left| left.saturating_sub(count(batch.events.len())));
            limit = if is_last { 0 } else { self.limit() };
            let (failed, upcoming) = self.publish(batch, limit).await?;
            if let Some(failed) = failed {
                return Ok(failed);
            }
            if is_last {
                return Ok(Drained::CaughtUp(read));
            }
            if limit == 0 || Instant::now() >= until {
                return Ok(Drained::TimeUp);
            }
            next = upcoming;
        }
    }

    fn limit(&self) -> u64 {
        self.allowance.map_or(BATCH_SIZE, |left| left.min(BATCH_SIZE))
    }

    /// Send a batch, read the next rows meanwhile, and settle what was acknowledged.
    async fn publish(&mut self, batch: Batch, limit: u64) -> Result<(Option<Drained>, NextRows), StoreError> {
        let through = batch.through;
        let read_ahead = async |lease: &mut LeaderLease| {
            if limit == 0 {
                return Ok(NextRows::Decided(Vec::new()));
            }
            lease.next_rows(through, limit).await
        };
        if batch.events.is_empty() {
            let upcoming = read_ahead(self.lease).await?;
            self.settle(&batch, None).await?;
            return Ok((None, upcoming));
        }
        if SeededBug::PositionBeforeAcknowledgement.is_active() {
            let ahead = Place { cursor: through, ..self.place.clone() };
            let stream = self.parts.publisher.stream();
            self.position.write(self.lease, &ahead, stream, &*self.parts.clock).await?;
        }
        crash_point::reach("before_publish");
        let mode = if self.place.cursor < self.lessons.singly_through {
            SendMode::Singly
        } else {
            SendMode::Batch
        };
        let sent = self.parts.publisher.send(&batch.events, self.place.fence, mode).await;
        let (answer, upcoming) = tokio::join!(self.parts.publisher.answer(sent), read_ahead(self.lease));
        crash_point::reach("after_publish_before_position");
        let failed = self.settle(&batch, Some(answer)).await?;
        Ok((failed, upcoming?))
    }

    async fn settle(&mut self, batch: &Batch, answer: Option<Answer>) -> Result<Option<Drained>, StoreError> {
        let size = batch.events.len();
        if let Some(answer) = answer {
            self.parts
                .metrics
                .publish_batch_size
                .observe(u32::try_from(size).map_or(f64::MAX, f64::from));
            let last = self.place.fence.saturating_add(count(answer.stored));
            batch.report(self.parts, answer.stored, last.get());
            if let Some(failure) = answer.failure {
                self.parts.metrics.publish_failed(failure.code());
                let event = batch.events.get(answer.stored).map(|event| event.place.seq);
                return Ok(Some(Drained::Failed { failure, event, through: batch.through }));
            }
        } else {
            batch.report(self.parts, 0, 0);
        }
        let last_id = batch.events.last().map(|event| event.id.to_string());
        self.place.advance(batch.through, count(size), last_id);
        let stream = self.parts.publisher.stream();
        self.position.write_soon(self.lease, self.place, stream, &*self.parts.clock).await?;
        Ok(None)
    }
}

fn count(events: usize) -> u64 {
    u64::try_from(events).unwrap_or(u64::MAX)
}
