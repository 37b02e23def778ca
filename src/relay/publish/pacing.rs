//! A backlog that is larger than the stream would push out of it what subscribers have not read. So
//! it is published as they read, for a while.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::relay::parts::RelayParts;
use crate::relay::place::cursor::Place;
use crate::{
    domain::ids::StreamSeq,
    jetstream::{DurableLag, ProbeError, StreamFacts, StreamUsage},
    store::{LeaderLease, StoreError},
};

/// The least time between two looks at the consumers.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);
/// A consumer that has acknowledged nothing for so long is not waited for.
const MAX_IDLE: Duration = Duration::from_secs(60);

/// The drain of a large backlog, if there is one.
#[derive(Debug, Default)]
pub(in crate::relay) struct Pacing {
    drain: Option<PacedDrain>,
}

#[derive(Debug)]
struct PacedDrain {
    /// How long the drain has waited for consumers.
    waited: Duration,
    looked: Instant,
    durables: HashMap<String, Durable>,
    /// The consumer that has to read before more can be published.
    waits_for: Option<String>,
    /// Whether nobody is waited for any more.
    given_up: bool,
}

/// A consumer as last seen.
#[derive(Debug)]
struct Durable {
    ack_floor: StreamSeq,
    moved: Instant,
    /// What was discarded below this sequence is counted.
    counted: StreamSeq,
}

impl Pacing {
    /// How many events may be sent before the next look. `None`: there is no limit.
    pub(in crate::relay) async fn allowance(
        &mut self,
        parts: &RelayParts,
        lease: &LeaderLease,
        place: &Place,
        facts: &StreamFacts,
    ) -> Result<Option<u64>, StoreError> {
        if self.drain.is_none() {
            let Some(capacity) = facts.capacity() else {
                return Ok(None);
            };
            let waiting = lease.last().await?.get().saturating_sub(place.cursor.get());
            if u64::try_from(waiting).is_ok_and(|waiting| waiting > capacity) {
                tracing::warn!(
                    waiting,
                    capacity,
                    "more events wait than the stream holds; publishing as consumers read"
                );
                self.drain = Some(PacedDrain::new());
            }
        }
        let Some(drain) = &mut self.drain else { return Ok(None) };
        lease.keep(drain.look(parts)).await
    }

    /// The consumer that the drain waits for, if there is one.
    pub(in crate::relay) fn waits_for(&self) -> Option<&str> {
        self.drain.as_ref()?.waits_for.as_deref()
    }

    /// Nothing waits any more.
    pub(in crate::relay) fn caught_up(&mut self) {
        if self.drain.take().is_some() {
            tracing::info!("the backlog is published");
        }
    }
}

impl PacedDrain {
    fn new() -> Self {
        let now = Instant::now();
        Self {
            waited: Duration::ZERO,
            looked: now.checked_sub(LOOK_INTERVAL).unwrap_or(now),
            durables: HashMap::new(),
            waits_for: None,
            given_up: false,
        }
    }

    async fn look(&mut self, parts: &RelayParts) -> Option<u64> {
        tokio::time::sleep_until(self.looked + LOOK_INTERVAL).await;
        let since = std::mem::replace(&mut self.looked, Instant::now()).elapsed();
        let (usage, lags) = match parts.publisher.consumers().await {
            Ok(seen) => seen,
            // Who may not list consumers cannot wait for them.
            Err(ProbeError::Denied(_)) => return None,
            Err(_) => {
                self.wait(parts, since);
                return (!self.given_up).then_some(0);
            }
        };
        let mut room = usage.capacity();
        let mut slowest = None;
        for lag in &lags {
            let durable = self.durables.entry(lag.durable.clone()).or_insert_with(|| Durable::new(lag, &usage));
            durable.see(parts, lag, &usage);
            let of_this = usage.room(lag);
            if !self.given_up && durable.counts(lag) && room.is_some_and(|room| of_this < room) {
                room = Some(of_this);
                slowest = Some(&lag.durable);
            }
        }
        // It is told until the drain is through: what it has read is published within a moment.
        if room == Some(0) {
            self.waits_for = slowest.cloned();
            self.wait(parts, since);
        }
        if self.given_up {
            self.waits_for = None;
        }
        if self.given_up { usage.capacity() } else { room }
    }

    /// Count the time that was waited, and give up when the patience is spent.
    fn wait(&mut self, parts: &RelayParts, since: Duration) {
        if self.given_up {
            return;
        }
        self.waited += since.max(LOOK_INTERVAL);
        self.given_up = self.waited >= parts.consumer_patience;
        if self.given_up {
            let seconds = self.waited.as_secs();
            tracing::error!(
                seconds,
                "consumers are too slow for the backlog (stream.consumer_patience); the stream discards what they \
                 have not read"
            );
        }
    }
}

impl Durable {
    fn new(lag: &DurableLag, usage: &StreamUsage) -> Self {
        Self {
            ack_floor: lag.ack_floor,
            moved: Instant::now(),
            counted: usage.first_seq,
        }
    }

    /// Note whether it has moved, and count what it can no longer read.
    fn see(&mut self, parts: &RelayParts, lag: &DurableLag, usage: &StreamUsage) {
        if lag.ack_floor != self.ack_floor || lag.pending == 0 {
            self.ack_floor = lag.ack_floor;
            self.moved = Instant::now();
        }
        let unread = lag.ack_floor.saturating_add(1).max(self.counted);
        let discarded = usage.first_seq.get().saturating_sub(unread.get());
        if discarded > 0 {
            parts.metrics.event_discarded_unread(&lag.durable, discarded);
        }
        self.counted = self.counted.max(usage.first_seq);
    }

    fn counts(&self, lag: &DurableLag) -> bool {
        !lag.paused && lag.pending > 0 && self.moved.elapsed() < MAX_IDLE
    }
}
