//! The loop of the relay: stand by, lead, find the place in the stream, publish, wait.

use std::time::Duration;

use tokio::{sync::watch, time::Instant};

use super::leader::{Leader, Step};
use crate::relay::backoff;
use crate::relay::parts::RelayParts;
use crate::{
    jetstream::NatsStatus,
    store::{LeaderLease, StoreError},
    telemetry::{Recurring, SeededBug, error_chain},
};

/// Between two attempts to lead, and between two checks of the lease.
const LEASE_CHECK_INTERVAL: Duration = Duration::from_secs(1);
/// Between the end of a lease and the next attempt to lead.
const RETRY_INTERVAL: Duration = Duration::from_millis(500);
/// Between two reads of the ledger without a notification: for rows of other instances.
const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// Between two looks at a transaction that may still add an event before the next one.
const BLOCKED_INTERVAL: Duration = Duration::from_millis(5);
/// The least time between two reads when no rows are left: what is committed in between is
/// published together. After a single event this gains little; when events are frequent, every
/// batch that is saved leaves more of both servers to the requests.
const MIN_INTERVAL_AFTER_ONE: Duration = Duration::from_millis(20);
const MIN_INTERVAL_AFTER_SEVERAL: Duration = Duration::from_millis(50);

/// Why leading ended.
#[derive(Debug, PartialEq, Eq)]
enum LeaseEnd {
    Stopped,
    Lost,
}

pub(crate) struct Worker {
    parts: RelayParts,
    nats: watch::Receiver<NatsStatus>,
    leading: watch::Sender<bool>,
    stop_at: Option<Instant>,
}

impl Worker {
    pub(crate) fn new(parts: RelayParts, leading: watch::Sender<bool>) -> Self {
        let nats = parts.publisher.status();
        Self { parts, nats, leading, stop_at: None }
    }

    /// Run until the shutdown.
    pub(crate) async fn run(mut self) {
        while let Some(lease) = self.stand_by().await {
            tracing::info!("this instance publishes the ledger");
            self.set_leading(true);
            let end = self.lead(lease).await;
            self.parts.publisher.allow_creation(None);
            self.set_leading(false);
            if end == LeaseEnd::Stopped {
                break;
            }
            // A database that fails at every statement is not asked without a pause.
            self.wait_until(Instant::now() + RETRY_INTERVAL).await;
        }
        tracing::debug!("relay stopped");
    }

    fn set_leading(&self, leading: bool) {
        self.parts.metrics.relay_leader.set(leading.into());
        self.parts.status.send_modify(|status| {
            status.leading = leading;
            status.trouble = None;
        });
        self.leading.send_replace(leading);
    }

    /// Wait until this instance leads; `None` at the shutdown.
    async fn stand_by(&mut self) -> Option<LeaderLease> {
        let mut candidate = self.parts.ledger.leader_election();
        let failures = Recurring::new("the leader cannot be elected");
        while !self.parts.shutdown.is_cancelled() {
            // Nobody publishes copies here; whoever asked tries elsewhere.
            while self.parts.copies.try_recv().is_ok() {}
            match candidate.try_acquire().await {
                Ok(Some(lease)) => return Some(lease),
                Ok(None) => failures.succeeded(),
                Err(error) => failures.failed(&error),
            }
            tokio::select! {
                () = tokio::time::sleep(LEASE_CHECK_INTERVAL) => {}
                () = self.parts.shutdown.cancelled() => {}
            }
        }
        None
    }

    async fn lead(&mut self, lease: LeaderLease) -> LeaseEnd {
        // Nothing that was known before the lease is used.
        let mut leader = Leader::new(lease);
        match self.publish(&mut leader).await {
            Ok(()) => {
                leader.finish(&self.parts).await;
                LeaseEnd::Stopped
            }
            Err(error) => {
                tracing::warn!(error = %error_chain(&error), "lease lost");
                leader.forget(&self.parts);
                LeaseEnd::Lost
            }
        }
    }

    /// Publish until the shutdown.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails: the lease may be lost with its connection.
    async fn publish(&mut self, leader: &mut Leader) -> Result<(), StoreError> {
        let mut checked = Instant::now();
        loop {
            if checked.elapsed() >= LEASE_CHECK_INTERVAL {
                leader.lease.check().await?;
                checked = Instant::now();
            }
            let began = Instant::now();
            let was_stopping = self.parts.shutdown.is_cancelled();
            let Some(step) = self.step(leader).await else {
                tracing::warn!("publishing did not end in time; what is in flight is found in the stream");
                return Ok(());
            };
            let step = step?;
            if self.stops_after(&step, was_stopping) {
                return Ok(());
            }
            match step {
                Step::More => {}
                Step::CaughtUp(0) => self.wait_for_rows(leader).await?,
                Step::CaughtUp(rows) => {
                    let interval = if rows > 1 {
                        MIN_INTERVAL_AFTER_SEVERAL
                    } else {
                        MIN_INTERVAL_AFTER_ONE
                    };
                    self.wait_until(began + interval).await;
                }
                Step::Blocked => self.wait_until(began + BLOCKED_INTERVAL).await,
                Step::NotReady => self.wait_for_stream().await,
                Step::Failed(failures) => self.wait_before_retry(failures).await,
            }
        }
    }

    /// One step; `None` when it is not done in time after the shutdown.
    async fn step(&mut self, leader: &mut Leader) -> Option<Result<Step, StoreError>> {
        let (shutdown, flush_timeout) = (self.parts.shutdown.clone(), self.parts.flush_timeout);
        let stop_at = self.stop_at;
        let too_late = async {
            shutdown.cancelled().await;
            tokio::time::sleep_until(stop_at.unwrap_or_else(|| Instant::now() + flush_timeout)).await;
        };
        tokio::select! {
            biased;
            step = leader.step(&mut self.parts, &self.nats) => Some(step),
            () = too_late => None,
        }
    }

    /// Whether to stop: after the shutdown, once nothing can be published or the time is up. A step
    /// that began before the shutdown may have read the ledger before the last commit.
    fn stops_after(&mut self, step: &Step, was_stopping: bool) -> bool {
        if !self.parts.shutdown.is_cancelled() {
            return false;
        }
        let stop_at = *self.stop_at.get_or_insert_with(|| Instant::now() + self.parts.flush_timeout);
        let is_done = was_stopping && matches!(step, Step::CaughtUp(0) | Step::NotReady);
        is_done || Instant::now() >= stop_at
    }

    async fn wait_until(&self, until: Instant) {
        tokio::select! {
            () = tokio::time::sleep_until(until) => {}
            () = self.parts.shutdown.cancelled() => {}
        }
    }

    /// Wait for a commit, for copies or for the next look, and write the position when it is due.
    async fn wait_for_rows(&mut self, leader: &mut Leader) -> Result<(), StoreError> {
        if SeededBug::LostWakeUp.is_active() {
            return self.wait_for_own_commit(leader).await;
        }
        let due = leader.position_due(&self.parts);
        let poll = Instant::now() + self.poll_interval();
        tokio::select! {
            () = self.parts.ledger.woken() => {}
            request = self.parts.copies.recv(), if !leader.has_request() => leader.take_request(request),
            () = tokio::time::sleep_until(due.unwrap_or(poll).min(poll)) => {}
            () = self.parts.shutdown.cancelled() => {}
        }
        if due.is_some_and(|due| due <= Instant::now()) {
            leader.write_position(&self.parts).await?;
        }
        Ok(())
    }

    fn poll_interval(&self) -> Duration {
        if self.parts.ledger.is_shared() {
            POLL_INTERVAL
        } else {
            // Every commit is one of this instance, and wakes the relay.
            LEASE_CHECK_INTERVAL
        }
    }

    /// Keep the lease and notice no commit of others: a bug on purpose.
    async fn wait_for_own_commit(&self, leader: &mut Leader) -> Result<(), StoreError> {
        loop {
            tokio::select! {
                () = self.parts.ledger.woken() => return Ok(()),
                () = self.parts.shutdown.cancelled() => return Ok(()),
                () = tokio::time::sleep(LEASE_CHECK_INTERVAL) => leader.lease.check().await?,
            }
        }
    }

    async fn wait_for_stream(&mut self) {
        tokio::select! {
            _ = self.nats.wait_for(|status| status.ready().is_some()) => {}
            () = tokio::time::sleep(LEASE_CHECK_INTERVAL) => {}
            () = self.parts.shutdown.cancelled() => {}
        }
    }

    /// Wait longer after each failure, but not after a reconnect, and only briefly during the
    /// shutdown.
    async fn wait_before_retry(&mut self, failures: u32) {
        let stopping = self.parts.shutdown.is_cancelled();
        let interval = backoff::interval(if stopping { 0 } else { failures }, self.spread());
        let connections = self.nats.borrow().connections;
        tokio::select! {
            () = tokio::time::sleep(interval) => {}
            _ = self.nats.wait_for(|status| status.connections != connections) => {}
            () = self.parts.shutdown.cancelled(), if !stopping => {}
        }
    }

    /// Different on every instance and at every retry: the microseconds of the time.
    fn spread(&self) -> u8 {
        u8::try_from(self.parts.clock.now().microsecond() % 256).unwrap_or_default()
    }
}
