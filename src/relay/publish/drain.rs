//! Publishing the ledger from a place on, while there are rows.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use super::batch::{Batch, Lessons};
use crate::relay::parts::RelayParts;
use crate::relay::place::cursor::Place;
use crate::relay::place::position::PositionWriter;
use crate::{
    domain::ids::{LedgerSeq, StreamSeq},
    jetstream::{Failure, MAX_ATOMIC_BATCH_SIZE, MIN_ATOMIC_BATCH_SIZE, SendMode, Sent, StreamFacts},
    store::{LeaderLease, NextRows, StoreError},
    telemetry::crash_point,
};

/// What fits into one atomic batch.
const BATCH_SIZE: u64 = MAX_ATOMIC_BATCH_SIZE as u64;
/// While the server stores one batch, the next one is on its way. Each says where it begins, so the
/// second is refused when the first is.
const MAX_IN_FLIGHT: usize = 2;
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
    /// Whether this connection has taken a batch before.
    pub(in crate::relay) batches_known: &'a mut bool,
    /// The most events to send in this run.
    pub(in crate::relay) allowance: Option<u64>,
}

struct Flight {
    batch: Batch,
    /// `None` when nothing of it is sent.
    sent: Option<Sent>,
}

/// Where the last flight will end.
struct Head {
    cursor: LedgerSeq,
    fence: StreamSeq,
    end: Option<Drained>,
    last_read: usize,
}

impl Drain<'_> {
    /// # Errors
    ///
    /// [`StoreError`] when the database fails; what is in flight is then found in the stream.
    pub(in crate::relay) async fn run(mut self) -> Result<Drained, StoreError> {
        let until = Instant::now() + MAX_RUN_TIME;
        let mut head = Head {
            cursor: self.place.cursor,
            fence: self.place.fence,
            end: None,
            last_read: 0,
        };
        let mut flights = VecDeque::with_capacity(MAX_IN_FLIGHT);
        loop {
            let max = if *self.batches_known { MAX_IN_FLIGHT } else { 1 };
            while flights.len() < max && head.end.is_none() {
                if Instant::now() >= until {
                    head.end = Some(Drained::TimeUp);
                } else if let Some(flight) = self.send_next(&mut head).await? {
                    flights.push_back(flight);
                }
            }
            let Some(flight) = flights.pop_front() else {
                return Ok(head.end.unwrap_or(Drained::CaughtUp(head.last_read)));
            };
            if let Some(failed) = self.settle(flight).await? {
                return Ok(failed);
            }
        }
    }

    /// Read and send the next rows. `None`: there is nothing to wait for.
    async fn send_next(&mut self, head: &mut Head) -> Result<Option<Flight>, StoreError> {
        let limit = self.allowance.map_or(BATCH_SIZE, |left| left.min(BATCH_SIZE));
        if limit == 0 {
            head.end = Some(Drained::TimeUp);
            return Ok(None);
        }
        let rows = match self.lease.next_rows(head.cursor, limit).await? {
            NextRows::Decided(rows) => rows,
            NextRows::Blocked => {
                head.end = Some(Drained::Blocked);
                return Ok(None);
            }
        };
        if u64::try_from(rows.len()).is_ok_and(|read| read < limit) {
            head.last_read = rows.len();
            head.end = Some(Drained::CaughtUp(rows.len()));
        }
        let Some(batch) = Batch::of(rows, self.ledger, self.parts, &self.facts, self.lessons) else {
            head.end = Some(Drained::CaughtUp(0));
            return Ok(None);
        };
        let count = u64::try_from(batch.events.len()).unwrap_or(u64::MAX);
        self.allowance = self.allowance.map(|left| left.saturating_sub(count));
        let sent = if batch.events.is_empty() {
            None
        } else {
            crash_point::reach("before_publish");
            let mode = self.mode(head.cursor);
            Some(self.parts.publisher.send(&batch.events, head.fence, mode).await)
        };
        head.cursor = batch.through;
        head.fence = head.fence.saturating_add(count);
        Ok(Some(Flight { batch, sent }))
    }

    fn mode(&self, cursor: LedgerSeq) -> SendMode {
        if cursor < self.lessons.singly_through {
            SendMode::Singly
        } else if *self.batches_known {
            SendMode::KnownBatch
        } else {
            SendMode::Batch
        }
    }

    /// Wait for the answer to the oldest flight.
    async fn settle(&mut self, Flight { batch, sent }: Flight) -> Result<Option<Drained>, StoreError> {
        let size = batch.events.len();
        if let Some(sent) = sent {
            let answer = self.parts.publisher.answer(sent).await;
            crash_point::reach("after_publish_before_position");
            self.parts
                .metrics
                .publish_batch_size
                .observe(u32::try_from(size).map_or(f64::MAX, f64::from));
            let stored = u64::try_from(answer.stored).unwrap_or(u64::MAX);
            batch.report(self.parts, answer.stored, self.place.fence.saturating_add(stored).get());
            if let Some(failure) = answer.failure {
                self.parts.metrics.publish_failed(failure.code());
                let event = batch.events.get(answer.stored).map(|event| event.place.seq);
                return Ok(Some(Drained::Failed { failure, event, through: batch.through }));
            }
            *self.batches_known |= self.facts.atomic && size >= MIN_ATOMIC_BATCH_SIZE;
        } else {
            batch.report(self.parts, 0, 0);
        }
        let last_id = batch.events.last().map(|event| event.id.to_string());
        self.place.advance(batch.through, u64::try_from(size).unwrap_or(u64::MAX), last_id);
        let stream = self.parts.publisher.stream();
        self.position.write_soon(self.lease, self.place, stream, &*self.parts.clock).await?;
        Ok(None)
    }
}
