//! Publishes the events of a replay, in the order of the ledger, each once, however often it is
//! interrupted.
//!
//! Progress is saved after every batch. In between, a crash or a lost answer leaves copies that are
//! stored and not counted: so at the start, and after every failure, the target is read behind the
//! last copy that is counted, and what is found there is not sent again. Every publication states
//! the end that it builds upon, so nothing arrives later.

use std::{collections::HashSet, sync::Arc, time::Duration};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::relay::backoff;
use crate::relay::publish::batch::outgoing;
use crate::relay::publish::copies::CopyQueue;
use crate::{
    domain::clock::Clock,
    domain::ids::StreamSeq,
    jetstream::{MAX_ATOMIC_BATCH_SIZE, OutgoingEvent, ProbeError, ReplayPublisher, StreamFacts},
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
    /// Who publishes copies for everyone. `None`: the publisher, into the stream of replays.
    pub copies: Option<CopyQueue>,
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
    replay.state = ReplayState::Running;
    save(parts, replay, observe).await?;
    let mut run = Run {
        ledger: parts.lock.ledger_id().await?,
        pace: Pace::new(replay.rate),
        stored: HashSet::new(),
        target: None,
        failures: 0,
        confirmed: Instant::now(),
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
    ledger: Uuid,
    pace: Pace,
    /// The ids of copies that the target has and that are not counted.
    stored: HashSet<String>,
    /// The target and its end, unless it has to be read first.
    target: Option<Target>,
    failures: u32,
    confirmed: Instant,
}

struct Target {
    facts: StreamFacts,
    end: StreamSeq,
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
        if self.target.is_none() {
            if let Err(error) = self.read_target(parts, replay).await {
                return self.retry_later(parts, replay, observe, error_chain(&error).to_string()).await;
            }
            if replay.total.is_none() {
                let rest = replay.progress.rest;
                replay.total = Some(parts.ledger.count_selected(&replay.selection, rest).await?);
                // Before the first copy is sent, so that the next run knows where copies can be.
                save(parts, replay, observe).await?;
            }
        }
        let limit = self.pace.batch_size();
        let page = parts.ledger.selected(&replay.selection, replay.progress.rest, limit).await?;
        let sent = self.send(parts, replay, page).await;
        crash_point::reach("after_replay_before_progress");
        match sent {
            Ok(sent) => {
                self.failures = 0;
                replay.trouble = None;
                save(parts, replay, observe).await?;
                self.pace.rest(sent, &parts.stop).await;
                Ok(())
            }
            Err(trouble) => {
                self.target = None;
                self.retry_later(parts, replay, observe, trouble).await
            }
        }
    }

    /// Send what of a page the target does not have, and count all of it.
    async fn send(&mut self, parts: &ReplayParts, replay: &mut Replay, page: SelectedPage) -> Result<u64, String> {
        let mut counted = 0;
        let mut events = Vec::with_capacity(page.rows.len());
        for event in page.rows.into_iter().map(|row: LedgerRow| outgoing(self.ledger, row)) {
            counted += 1;
            if !self.stored.remove(&parts.publisher.message_id(&event)) {
                events.push(event);
            }
        }
        let end = self.publish(parts, events).await?;
        replay.progress.sent += counted;
        replay.progress.target_seq = replay.progress.target_seq.max(end);
        replay.progress.rest = page.rest;
        Ok(counted)
    }

    async fn publish(&mut self, parts: &ReplayParts, events: Vec<OutgoingEvent>) -> Result<StreamSeq, String> {
        let Some(target) = &mut self.target else {
            return Err("the target is not known".to_owned());
        };
        if events.is_empty() {
            return Ok(target.end);
        }
        if let Some(copies) = &parts.copies {
            target.end = copies.publish(&parts.publisher, events).await?;
            return Ok(target.end);
        }
        let answer = parts.publisher.publish(&events, target.end, &target.facts).await;
        match answer.failure {
            Some(failure) => Err(failure.to_string()),
            None => {
                target.end = target.end.saturating_add(u64::try_from(events.len()).unwrap_or(u64::MAX));
                Ok(target.end)
            }
        }
    }

    /// Read what the target has that is not counted.
    async fn read_target(&mut self, parts: &ReplayParts, replay: &mut Replay) -> Result<(), ProbeError> {
        let facts = parts.publisher.facts().await?;
        let progress = &mut replay.progress;
        self.stored.clear();
        let mut end = facts.last_seq;
        if replay.total.is_none() {
            // Nothing was sent yet: what is there is not of this replay.
            progress.target_seq = end;
        } else {
            // A shorter stream is another stream: then all of it has to be read.
            let after = Some(progress.target_seq).filter(|after| *after <= end).unwrap_or_default();
            let mut next = after.saturating_add(1).max(facts.first_seq);
            while let Some(message) = parts.publisher.next_message(next).await? {
                next = message.seq.saturating_add(1);
                end = end.max(message.seq);
                self.stored.extend(message.message_id);
            }
        }
        self.target = Some(Target { facts, end });
        Ok(())
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
