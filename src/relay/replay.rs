//! Publishes the events of a replay, in the order of the ledger, each once, however often it is
//! interrupted.
//!
//! Progress is saved after every batch. In between, a crash or a lost answer leaves events that are
//! stored and not counted: so at the start, and after every failure, the target is read after the
//! last event that is counted, and what is found there is not sent again. What arrives even later,
//! out of a connection that was lost, the stream recognizes by its id.

use std::{collections::HashSet, sync::Arc, time::Duration};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::backoff;
use super::publish::outgoing;
use crate::{
    domain::clock::Clock,
    domain::ids::{LedgerSeq, StreamSeq},
    jetstream::{
        MAX_ATOMIC_BATCH_SIZE, OutgoingEvent, ProbeError, PublishOutcome, Reason, ReplayPublisher, StreamFacts,
    },
    store::{LeaderLease, Ledger, LedgerRow, Replay, ReplayState, SelectedPage, StoreError},
    telemetry::{crash_point, error_chain},
};

const BATCH_SIZE: u64 = MAX_ATOMIC_BATCH_SIZE as u64;
/// Between two batches of a replay with a rate.
const TICK: Duration = Duration::from_millis(100);
/// Between two checks of the lock.
const LOCK_CHECK_INTERVAL: Duration = Duration::from_secs(1);

pub struct ReplayParts {
    pub ledger: Ledger,
    pub publisher: ReplayPublisher,
    pub clock: Arc<dyn Clock>,
    /// Guarantees that no other instance replays.
    pub lock: LeaderLease,
    /// Cancelled to interrupt the replay.
    pub stop: CancellationToken,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplayEnd {
    Done,
    /// Interrupted; another run continues.
    Stopped,
}

/// Run a replay until it is done or interrupted, and call `observe` after every batch. An outage of
/// NATS is waited out.
///
/// # Errors
///
/// [`StoreError`] when the database fails, or the lock is lost with it. Another run continues.
pub async fn replay(
    parts: &mut ReplayParts,
    replay: &mut Replay,
    observe: &mut (dyn FnMut(&Replay) + Send),
) -> Result<ReplayEnd, StoreError> {
    let rest = replay.progress.rest;
    if replay.total.is_none() {
        replay.total = Some(parts.ledger.count_selected(&replay.selection, rest).await?);
    }
    replay.state = ReplayState::Running;
    save(parts, replay, observe).await?;
    let mut run = Run {
        pace: Pace::new(replay.rate),
        stored: HashSet::new(),
        facts: None,
        failures: 0,
        confirmed: Instant::now(),
        prefetched: None,
    };
    while !replay.progress.rest.is_empty() {
        if parts.stop.is_cancelled() {
            return Ok(ReplayEnd::Stopped);
        }
        run.step(parts, replay, observe).await?;
    }
    replay.state = ReplayState::Done;
    replay.trouble = None;
    save(parts, replay, observe).await?;
    Ok(ReplayEnd::Done)
}

async fn save(
    parts: &ReplayParts,
    replay: &mut Replay,
    observe: &mut (dyn FnMut(&Replay) + Send),
) -> Result<(), StoreError> {
    replay.updated_at = parts.clock.now();
    parts.ledger.save_replay_progress(replay, replay.updated_at).await?;
    observe(replay);
    Ok(())
}

struct Run {
    pace: Pace,
    /// Events that the target has and that are not counted.
    stored: HashSet<Uuid>,
    /// The target, unless it has to be read first.
    facts: Option<StreamFacts>,
    failures: u32,
    confirmed: Instant,
    /// The batch after the one in flight.
    prefetched: Option<SelectedPage>,
}

impl Run {
    /// Send one batch, or wait before a retry.
    async fn step(
        &mut self,
        parts: &mut ReplayParts,
        replay: &mut Replay,
        observe: &mut (dyn FnMut(&Replay) + Send),
    ) -> Result<(), StoreError> {
        if self.confirmed.elapsed() >= LOCK_CHECK_INTERVAL {
            parts.lock.check().await?;
            self.confirmed = Instant::now();
        }
        let facts = match &self.facts {
            Some(facts) => facts.clone(),
            None => match self.read_target(parts, replay).await {
                Ok(facts) => facts,
                Err(error) => {
                    return self.retry_later(parts, replay, observe, error_chain(&error).to_string()).await;
                }
            },
        };
        let limit = self.pace.batch_size();
        let page = match self.prefetched.take() {
            Some(page) => page,
            None => parts.ledger.selected(&replay.selection, replay.progress.rest, limit).await?,
        };
        let batch = Batch::of(page.rows, &mut self.stored);
        let prefetch = async {
            if page.rest.is_empty() {
                return Ok(None);
            }
            parts.ledger.selected(&replay.selection, page.rest, limit).await.map(Some)
        };
        let (outcomes, prefetched) = tokio::join!(parts.publisher.publish(&batch.events, &facts), prefetch);
        crash_point::reach("after_replay_before_progress");
        let sent = batch.count(&outcomes);
        replay.progress.sent += sent.published;
        replay.progress.refused += sent.refused;
        replay.progress.target_seq = replay.progress.target_seq.max(sent.target_seq);
        if let Some(reason) = sent.failure {
            replay.progress.rest.after = sent.through.unwrap_or(replay.progress.rest.after);
            self.facts = None;
            return self.retry_later(parts, replay, observe, reason.to_string()).await;
        }
        self.prefetched = prefetched?;
        self.failures = 0;
        replay.progress.rest = page.rest;
        replay.trouble = None;
        save(parts, replay, observe).await?;
        self.pace.rest(sent.published, &parts.stop).await;
        Ok(())
    }

    /// Read what the target has that is not counted.
    async fn read_target(&mut self, parts: &ReplayParts, replay: &Replay) -> Result<StreamFacts, ProbeError> {
        let replayed = parts.publisher.replayed_events(replay.progress.target_seq).await?;
        self.stored = replayed.events;
        self.prefetched = None;
        self.facts = Some(replayed.facts.clone());
        Ok(replayed.facts)
    }

    /// Report what is wrong, and wait longer each time.
    async fn retry_later(
        &mut self,
        parts: &ReplayParts,
        replay: &mut Replay,
        observe: &mut (dyn FnMut(&Replay) + Send),
        trouble: String,
    ) -> Result<(), StoreError> {
        tracing::warn!(replay = replay.name, trouble, "replay failed; retrying");
        self.failures = self.failures.saturating_add(1);
        replay.trouble = Some(trouble);
        save(parts, replay, observe).await?;
        tokio::select! {
            () = tokio::time::sleep(backoff::interval(self.failures, 0)) => {}
            () = parts.stop.cancelled() => {}
        }
        Ok(())
    }
}

/// Events that are sent together, and those between them that the target already has.
struct Batch {
    /// The ledger sequence of each event, and whether it is sent.
    rows: Vec<(LedgerSeq, bool)>,
    events: Vec<OutgoingEvent>,
}

/// The result of sending a batch.
#[derive(Default)]
struct Sent {
    published: u64,
    refused: u64,
    target_seq: StreamSeq,
    /// The ledger sequence up to which every event is stored or refused.
    through: Option<LedgerSeq>,
    /// Why not every event is.
    failure: Option<Reason>,
}

impl Batch {
    fn of(rows: Vec<LedgerRow>, stored: &mut HashSet<Uuid>) -> Self {
        let mut batch = Self {
            rows: Vec::with_capacity(rows.len()),
            events: Vec::with_capacity(rows.len()),
        };
        for row in rows {
            let send = !stored.remove(&row.id);
            batch.rows.push((row.seq, send));
            if send {
                batch.events.push(outgoing(row).1);
            }
        }
        batch
    }

    /// Count up to the first event that failed.
    fn count(&self, outcomes: &[PublishOutcome]) -> Sent {
        let mut sent = Sent::default();
        let mut outcomes = outcomes.iter();
        for (seq, send) in &self.rows {
            let outcome = if *send { outcomes.next() } else { None };
            match outcome {
                None => sent.published += 1,
                Some(PublishOutcome::Acked { stream_seq, .. }) => {
                    sent.published += 1;
                    sent.target_seq = sent.target_seq.max(*stream_seq);
                }
                Some(PublishOutcome::Parked(reason) | PublishOutcome::Unrouted(reason)) => {
                    tracing::error!(seq = seq.get(), %reason, "event that the target will never take is left out");
                    sent.refused += 1;
                }
                Some(PublishOutcome::Unknown(reason) | PublishOutcome::Retry(reason)) => {
                    sent.failure = Some(reason.clone());
                    return sent;
                }
            }
            sent.through = Some(*seq);
        }
        sent
    }
}

/// Limits the events per second.
struct Pace {
    rate: Option<u32>,
    next: Instant,
}

impl Pace {
    fn new(rate: Option<u32>) -> Self {
        Self { rate, next: Instant::now() }
    }

    fn batch_size(&self) -> u64 {
        self.rate.map_or(BATCH_SIZE, |rate| (u64::from(rate) / 10).clamp(1, BATCH_SIZE))
    }

    /// Wait for the time that the sent events take at this rate. Lost time is not made up for.
    async fn rest(&mut self, sent: u64, stop: &CancellationToken) {
        let Some(rate) = self.rate else { return };
        let sent = u32::try_from(sent).unwrap_or(u32::MAX);
        let now = Instant::now();
        let earliest = now.checked_sub(TICK).unwrap_or(now);
        self.next = self.next.max(earliest) + Duration::from_secs(1) * sent / rate.max(1);
        tokio::select! {
            () = tokio::time::sleep_until(self.next) => {}
            () = stop.cancelled() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_event_without_acknowledgement_ends_the_count() {
        let batch = Batch {
            rows: [(1, true), (2, false), (5, true), (7, true), (8, true)]
                .map(|(seq, send)| (seq.into(), send))
                .into(),
            events: Vec::new(),
        };
        let acked = |stream_seq: u64| PublishOutcome::Acked { stream_seq: stream_seq.into(), duplicate: false };
        let all = batch.count(&[acked(3), PublishOutcome::Parked(Reason::NotSent), acked(4), acked(6)]);
        assert_eq!(
            (all.published, all.refused, all.target_seq, all.through),
            (4, 1, 6.into(), Some(8.into()))
        );
        assert_eq!(all.failure, None);
        // An event after the gap is stored, but the next read of the target finds it: it must not
        // move the sequence that the read starts from.
        let hole = batch.count(&[
            acked(3),
            PublishOutcome::Unknown(Reason::AckTimeout),
            acked(4),
            acked(5),
        ]);
        assert_eq!((hole.published, hole.target_seq, hole.through), (2, 3.into(), Some(2.into())));
        assert_eq!(hole.failure, Some(Reason::AckTimeout));
    }
}
