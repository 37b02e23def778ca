//! The loop of the relay: stand by, lead, reconcile, publish, wait.

use std::time::Duration;

use tokio::{sync::watch, time::Instant};

use super::{
    backoff,
    parts::RelayParts,
    publish::{READ_BATCH_SIZE, publish},
    reconcile::{ReconcileError, reconcile},
};
use crate::{
    domain::ids::StreamSeq,
    jetstream::{EventPublisher, NatsStatus},
    store::LeaderLease,
    telemetry::error_chain,
};

/// Between two attempts to lead, and between two checks of the lease.
const LEASE_CHECK_INTERVAL: Duration = Duration::from_secs(1);
/// Between two reads of the ledger without a notification: for rows of other instances.
const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// The least time between two reads when no rows are left: what is committed in between is
/// published together. After a single event this gains little; when events are frequent, every
/// batch that is saved leaves more of both servers to the requests.
const MIN_INTERVAL_AFTER_ONE: Duration = Duration::from_millis(20);
const MIN_INTERVAL_AFTER_SEVERAL: Duration = Duration::from_millis(50);
/// After so many failed comparisons in a row on a live connection, events are published without
/// one: the user may lack the permission to read messages, and the stream's window of message ids
/// still recognizes what is sent again soon.
const MAX_FAILED_COMPARISONS: u32 = 3;

#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// Rows were published; there may be further ones.
    Published,
    /// All rows were published: wait so long before the next read.
    CaughtUp(Duration),
    /// There are no rows to publish.
    Idle,
    /// There is no usable stream now.
    NotReady,
    /// Wait before a retry.
    Failed,
}

/// Why leading ended.
#[derive(Debug, PartialEq, Eq)]
enum LeaseEnd {
    Stopped,
    Lost,
}

pub(crate) struct Worker<P> {
    parts: RelayParts<P>,
    status: watch::Receiver<NatsStatus>,
    leading: watch::Sender<bool>,
    known: Known,
    failures: u32,
    failed_comparisons: u32,
    stop_at: Option<Instant>,
}

/// What is known from the last comparison of the ledger with the stream.
#[derive(Debug, Default)]
struct Known {
    /// A comparison has to come before the next publish.
    stale: bool,
    /// The connection and the stream of the comparison.
    compared: Option<(u64, time::OffsetDateTime)>,
    /// The highest stream sequence that is known to have an event.
    highest: StreamSeq,
    /// The number of the last check of the stream, and `highest` at that time.
    at_sample: (u64, StreamSeq),
}

impl<P: EventPublisher> Worker<P> {
    pub(crate) fn new(parts: RelayParts<P>, leading: watch::Sender<bool>) -> Self {
        let status = parts.publisher.status();
        Self {
            parts,
            status,
            leading,
            known: Known::default(),
            failures: 0,
            failed_comparisons: 0,
            stop_at: None,
        }
    }

    /// Run until the shutdown.
    pub(crate) async fn run(mut self) {
        while let Some(leadership) = self.stand_by().await {
            tracing::info!("this instance publishes the ledger");
            self.set_leading(true);
            // Another leader may have published since.
            self.known = Known::default();
            let end = self.lead(leadership).await;
            self.set_leading(false);
            if end == LeaseEnd::Stopped {
                break;
            }
        }
        tracing::debug!("relay stopped");
    }

    fn set_leading(&self, leading: bool) {
        self.parts.metrics.relay_leader.set(leading.into());
        self.leading.send_replace(leading);
    }

    /// Wait until this instance leads; `None` at the shutdown.
    async fn stand_by(&mut self) -> Option<LeaderLease> {
        let mut candidate = self.parts.ledger.leader_election();
        while !self.parts.shutdown.is_cancelled() {
            match candidate.try_acquire().await {
                Ok(Some(leadership)) => return Some(leadership),
                Ok(None) => {}
                Err(error) => tracing::warn!(error = %error_chain(&error), "leader election failed; retrying"),
            }
            tokio::select! {
                () = tokio::time::sleep(LEASE_CHECK_INTERVAL) => {}
                () = self.parts.shutdown.cancelled() => {}
            }
        }
        None
    }

    async fn lead(&mut self, mut leadership: LeaderLease) -> LeaseEnd {
        let mut checked = Instant::now();
        loop {
            if checked.elapsed() >= LEASE_CHECK_INTERVAL {
                if let Err(error) = leadership.check().await {
                    tracing::warn!(error = %error_chain(&error), "lease lost");
                    return LeaseEnd::Lost;
                }
                checked = Instant::now();
            }
            let began = Instant::now();
            let step = self.step().await;
            if self.stops_after(&step) {
                return LeaseEnd::Stopped;
            }
            match step {
                Step::Published => {}
                Step::CaughtUp(interval) => self.wait_for_rows_from(began + interval).await,
                Step::Idle => self.wait_for_rows().await,
                Step::NotReady => self.wait_for_stream().await,
                Step::Failed => self.wait_before_retry().await,
            }
        }
    }

    /// Whether to stop: after the shutdown, once nothing can be published or the time is up.
    fn stops_after(&mut self, step: &Step) -> bool {
        if !self.parts.shutdown.is_cancelled() {
            return false;
        }
        let stop_at = *self.stop_at.get_or_insert_with(|| Instant::now() + self.parts.flush_timeout);
        matches!(step, Step::Idle | Step::NotReady) || Instant::now() >= stop_at
    }

    async fn step(&mut self) -> Step {
        if !self.status_allows() {
            return Step::NotReady;
        }
        if (self.known.stale || self.known.compared.is_none()) && !self.compare().await {
            return self.failed();
        }
        let rows = match self.parts.ledger.unpublished(READ_BATCH_SIZE).await {
            Ok(rows) => rows,
            Err(error) => {
                tracing::warn!(error = %error_chain(&error), "ledger cannot be read; retrying");
                return self.failed();
            }
        };
        if rows.is_empty() {
            self.failures = 0;
            return Step::Idle;
        }
        match publish(&self.parts, rows).await {
            Ok(published) => {
                self.known.stale |= published.unknown || published.lowest.is_some_and(|seq| seq <= self.known.highest);
                self.known.highest = self.known.highest.max(published.highest);
                if published.failure.is_some() {
                    return self.failed();
                }
                self.failures = 0;
                if published.is_full() || self.known.stale {
                    Step::Published
                } else {
                    Step::CaughtUp(interval_after(published.last_read))
                }
            }
            Err(error) => {
                tracing::warn!(
                    error = %error_chain(&error),
                    "acknowledgements cannot be settled; retrying"
                );
                self.known.stale = true;
                self.failed()
            }
        }
    }

    /// Whether events can be published now. Detect a stream that has to be compared first.
    fn status_allows(&mut self) -> bool {
        let status = self.status.borrow();
        let Some(facts) = status.ready() else {
            return false;
        };
        let seen = (status.connections, facts.created);
        if self.known.compared.is_some_and(|compared| compared != seen) {
            self.known.stale = true;
        }
        // This check is later than the one before it, so what was acknowledged by then must be
        // there.
        let (sample, highest) = self.known.at_sample;
        if facts.sample != sample {
            if facts.last_seq < highest {
                self.known.stale = true;
            }
            self.known.at_sample = (facts.sample, self.known.highest);
        }
        true
    }

    /// Compare the ledger with the stream. `false`: it failed, retry.
    async fn compare(&mut self) -> bool {
        let connections = self.status.borrow().connections;
        self.parts.metrics.reconcile_runs.inc();
        match reconcile(&self.parts.ledger, &self.parts.publisher, self.parts.clock.now()).await {
            Ok(report) => {
                if report.reopened > 0 {
                    self.parts.metrics.reconcile_repairs.inc_by(report.reopened);
                    tracing::error!(
                        events = report.reopened,
                        "stream has lost acknowledged events; publishing them again"
                    );
                }
                if report.adopted > 0 {
                    tracing::info!(events = report.adopted, "settled events that were found in the stream");
                }
                self.known = Known {
                    stale: false,
                    compared: Some((connections, report.facts.created)),
                    highest: report.in_place,
                    at_sample: (self.known.at_sample.0, report.in_place),
                };
                self.failed_comparisons = 0;
                true
            }
            Err(error) => {
                tracing::warn!(
                    error = %error_chain(&error),
                    "ledger and stream not compared; retrying"
                );
                // The server is up and does not answer this request: it may never do.
                self.failed_comparisons += u32::from(matches!(error, ReconcileError::Message(_)));
                self.go_on_uncompared(connections)
            }
        }
    }

    /// Give up comparing on this connection after a few failures that are not its own.
    fn go_on_uncompared(&mut self, connections: u64) -> bool {
        let status = self.status.borrow();
        let Some(facts) = status.ready() else {
            return false;
        };
        if self.failed_comparisons < MAX_FAILED_COMPARISONS || status.connections != connections {
            return false;
        }
        tracing::error!(
            "ledger cannot be compared with the stream; publishing without. Grant this user \
             $JS.API.DIRECT.GET and $JS.API.STREAM.MSG.GET of the stream"
        );
        self.known = Known {
            compared: Some((connections, facts.created)),
            ..Known::default()
        };
        self.failed_comparisons = 0;
        true
    }

    fn failed(&mut self) -> Step {
        self.failures = self.failures.saturating_add(1);
        Step::Failed
    }

    /// Wait for rows, but at least until `until`. A single event after a pause is published at
    /// once; frequent events are published together, since a batch costs both servers little more
    /// than one event.
    async fn wait_for_rows_from(&mut self, until: Instant) {
        let shutdown = self.parts.shutdown.clone();
        tokio::select! {
            () = tokio::time::sleep_until(until) => self.wait_for_rows().await,
            () = shutdown.cancelled() => {}
        }
    }

    async fn wait_for_rows(&mut self) {
        let shutdown = self.parts.shutdown.clone();
        tokio::select! {
            () = self.parts.ledger.woken() => {}
            () = tokio::time::sleep(POLL_INTERVAL) => {}
            () = shutdown.cancelled() => {}
        }
    }

    async fn wait_for_stream(&mut self) {
        let shutdown = self.parts.shutdown.clone();
        tokio::select! {
            _ = self.status.wait_for(|status| status.ready().is_some()) => {}
            () = tokio::time::sleep(LEASE_CHECK_INTERVAL) => {}
            () = shutdown.cancelled() => {}
        }
    }

    /// Wait longer after each failure, but not after a reconnect, and only briefly during the
    /// shutdown.
    async fn wait_before_retry(&mut self) {
        let shutdown = self.parts.shutdown.clone();
        let stopping = shutdown.is_cancelled();
        let interval = backoff::interval(if stopping { 0 } else { self.failures }, self.spread());
        let connections = self.status.borrow().connections;
        tokio::select! {
            () = tokio::time::sleep(interval) => {}
            _ = self.status.wait_for(|status| status.connections != connections) => {}
            () = shutdown.cancelled(), if !stopping => {}
        }
    }

    /// Different on every instance and at every retry: the microseconds of the time.
    fn spread(&self) -> u8 {
        u8::try_from(self.parts.clock.now().microsecond() % 256).unwrap_or_default()
    }
}

const fn interval_after(rows: usize) -> Duration {
    if rows > 1 {
        MIN_INTERVAL_AFTER_SEVERAL
    } else {
        MIN_INTERVAL_AFTER_ONE
    }
}
