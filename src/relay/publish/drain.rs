//! Publishing the ledger from a place on, while there are rows.

use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use uuid::Uuid;

use super::batch::{Batch, Lessons};
use crate::relay::parts::RelayParts;
use crate::relay::place::cursor::Place;
use crate::relay::place::position::PositionWriter;
use crate::{
    domain::ids::{LedgerSeq, StreamSeq},
    jetstream::{Answer, Failure, MAX_ATOMIC_BATCH_SIZE, OutgoingMessage, SendMode, Sent, StreamFacts},
    store::{LeaderLease, NextRows, StoreError},
    telemetry::{SeededBug, crash_point},
};

/// What fits into one atomic batch.
const BATCH_SIZE: u64 = MAX_ATOMIC_BATCH_SIZE as u64;
/// After this time the worker checks the stream and the lease again.
const MAX_RUN_TIME: Duration = Duration::from_secs(1);

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
    pub(in crate::relay) rows: Rows<'a>,
    pub(in crate::relay) place: &'a mut Place,
    pub(in crate::relay) position: &'a mut PositionWriter,
    /// The most events to send in this run.
    pub(in crate::relay) allowance: Option<u64>,
}

/// Reads rows and makes messages of them.
pub(in crate::relay) struct Rows<'a> {
    pub(in crate::relay) parts: &'a RelayParts,
    pub(in crate::relay) lease: &'a mut LeaderLease,
    pub(in crate::relay) ledger: Uuid,
    pub(in crate::relay) facts: StreamFacts,
    pub(in crate::relay) lessons: &'a Lessons,
}

/// What a run does next.
enum Next {
    Send(Batch),
    End(Drained),
}

/// A batch of which this many events are stored, the last one at this sequence.
struct Stored {
    batch: Batch,
    events: usize,
    last: StreamSeq,
}

impl Drain<'_> {
    /// Publish batch after batch. One is in flight: a second one could continue a stream that
    /// somebody else has moved on by just so many messages (ADR 0042). While the server stores it,
    /// the next one is made; what is stored is reported while the next one is sent.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails; what is in flight is then found in the stream.
    pub(in crate::relay) async fn run(mut self) -> Result<Drained, StoreError> {
        let until = Instant::now() + MAX_RUN_TIME;
        let mut stored = None;
        let mut next = self.rows.after(self.place.cursor, self.limit()).await?;
        loop {
            let mut batch = match next {
                Next::Send(batch) => batch,
                Next::End(drained) => {
                    self.report(stored).await?;
                    return Ok(drained);
                }
            };
            self.allowance = self.allowance.map(|left| left.saturating_sub(count(batch.events.len())));
            let limit = if Instant::now() < until { self.limit() } else { 0 };
            if SeededBug::PositionBeforeAcknowledgement.is_active() {
                let ahead = Place { cursor: batch.through, ..self.place.clone() };
                let (stream, clock) = (self.rows.parts.publisher.stream(), &*self.rows.parts.clock);
                self.position.write(self.rows.lease, &ahead, stream, clock).await?;
            }
            let messages = std::mem::take(&mut batch.messages);
            let (parts, fence, mode) = (self.rows.parts, self.place.fence, self.mode());
            let (sent, reported) = tokio::join!(send(parts, messages, fence, mode), self.report(stored));
            reported?;
            let answered = Notify::new();
            let (answer, upcoming) =
                tokio::join!(answer(parts, sent, &answered), self.rows.behind(&batch, limit, &answered));
            let (settled, failed) = self.settle(batch, answer);
            if let Some(failed) = failed {
                settled.report(parts);
                return Ok(failed);
            }
            next = upcoming.inspect_err(|_| settled.report(parts))?;
            stored = Some(settled);
        }
    }

    fn limit(&self) -> u64 {
        self.allowance.map_or(BATCH_SIZE, |left| left.min(BATCH_SIZE))
    }

    fn mode(&self) -> SendMode {
        if self.place.cursor < self.rows.lessons.singly_through {
            SendMode::Singly
        } else {
            SendMode::Batch
        }
    }

    /// Move behind what was acknowledged; the end of the run when something was not.
    fn settle(&mut self, batch: Batch, answer: Option<Answer>) -> (Stored, Option<Drained>) {
        let size = batch.events.len();
        let Answer { stored, failure } = answer.unwrap_or(Answer { stored: size, failure: None });
        let last = self.place.fence.saturating_add(count(stored));
        if let Some(failure) = failure {
            self.rows.parts.metrics.publish_failed(failure.code());
            let event = batch.events.get(stored).map(|event| event.place.seq);
            let through = batch.through;
            let failed = Drained::Failed { failure, event, through };
            return (Stored { batch, events: stored, last }, Some(failed));
        }
        let last_id = batch.events.last().map(|event| event.id.to_string());
        self.place.advance(batch.through, count(size), last_id);
        (Stored { batch, events: stored, last }, None)
    }

    /// Report what is stored, and write the position if it is time.
    async fn report(&mut self, stored: Option<Stored>) -> Result<(), StoreError> {
        let Some(stored) = stored else { return Ok(()) };
        let parts = self.rows.parts;
        stored.report(parts);
        self.position
            .write_soon(self.rows.lease, self.place, parts.publisher.stream(), &*parts.clock)
            .await
    }
}

impl Rows<'_> {
    /// What comes behind a batch, once that is answered.
    async fn behind(&mut self, batch: &Batch, limit: u64, answered: &Notify) -> Result<Next, StoreError> {
        let next = if batch.is_last {
            Next::End(Drained::CaughtUp(batch.rows))
        } else {
            self.after(batch.through, limit).await?
        };
        self.lease.keep_until(answered).await?;
        Ok(next)
    }

    async fn after(&mut self, after: LedgerSeq, limit: u64) -> Result<Next, StoreError> {
        if limit == 0 {
            return Ok(Next::End(Drained::TimeUp));
        }
        let rows = match self.lease.next_rows(after, limit).await? {
            NextRows::Blocked => return Ok(Next::End(Drained::Blocked)),
            NextRows::Decided(rows) => rows,
        };
        let is_last = count(rows.len()) < limit;
        let batch = Batch::of(rows, is_last, self.ledger, self.parts, &self.facts, self.lessons);
        Ok(batch.map_or(Next::End(Drained::CaughtUp(0)), Next::Send))
    }
}

impl Stored {
    fn report(&self, parts: &RelayParts) {
        self.batch.report(parts, self.events, self.last.get());
    }
}

/// Send messages; nothing when the stream takes none of the rows.
async fn send(parts: &RelayParts, messages: Vec<OutgoingMessage>, after: StreamSeq, mode: SendMode) -> Option<Sent> {
    if messages.is_empty() {
        return None;
    }
    crash_point::reach("before_publish");
    let size = u32::try_from(messages.len()).map_or(f64::MAX, f64::from);
    parts.metrics.publish_batch_size.observe(size);
    Some(parts.publisher.send(messages, after, mode).await)
}

async fn answer(parts: &RelayParts, sent: Option<Sent>, answered: &Notify) -> Option<Answer> {
    let answer = match sent {
        Some(sent) => Some(parts.publisher.answer(sent).await),
        None => None,
    };
    answered.notify_one();
    if answer.is_some() {
        crash_point::reach("after_publish_before_position");
    }
    answer
}

fn count(events: usize) -> u64 {
    u64::try_from(events).unwrap_or(u64::MAX)
}
