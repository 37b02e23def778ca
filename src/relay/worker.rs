//! The loop: stand by, lead, reconcile, publish, wait.

use std::time::Duration;

use tokio::{sync::watch, time::Instant};

use super::{
    backoff,
    publish::{READ, publish},
    reconcile::{ReconcileError, reconcile},
    task::RelayParts,
};
use crate::{
    jetstream::{EventPublisher, NatsStatus},
    store::LeaderLease,
    telemetry::causes,
};

/// How often the lead is asked for, and confirmed.
const LEAD_CHECK: Duration = Duration::from_secs(1);
/// How often the ledger is read without being woken: for rows of other instances.
const POLL: Duration = Duration::from_millis(100);
/// The shortest time from one read to the next while nothing is left behind: what comes in between goes together. After a single
/// event little is to be gained; where events come close together every batch that is spared leaves both servers to the requests.
const GATHER_AFTER_ONE: Duration = Duration::from_millis(20);
const GATHER_AFTER_SEVERAL: Duration = Duration::from_millis(50);
/// After so many failed comparisons in a row on a live connection events are published without: the user may not be
/// allowed to read messages, and the stream's window of message ids still recognises what is sent again soon.
const COMPARISONS: u32 = 3;

/// What a step of the leader came to.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// Rows were published; there may be more.
    Published,
    /// Rows were published, and there were no more: wait so long for the next.
    CaughtUp(Duration),
    /// Nothing is left to publish.
    Idle,
    /// There is no stream to publish to at the moment.
    NotReady,
    /// Something failed: wait before the next try.
    Failed,
}

/// How leading ended.
#[derive(Debug, PartialEq, Eq)]
enum LeadEnds {
    Stopped,
    Lost,
}

/// The state of the relay on this instance.
pub(crate) struct Worker<P> {
    parts: RelayParts<P>,
    status: watch::Receiver<NatsStatus>,
    leading: watch::Sender<bool>,
    known: Known,
    failures: u32,
    failed_comparisons: u32,
    stop_at: Option<Instant>,
}

/// What the ledger and the stream were last found to agree on.
#[derive(Debug, Default)]
struct Known {
    /// Nothing may be published before the next comparison.
    stale: bool,
    /// The connection and the stream that were compared.
    compared: Option<(u64, time::OffsetDateTime)>,
    /// The highest sequence that is known to hold one of our events.
    highest: u64,
    /// The same, when the last look at the stream came in, and that look's number.
    at_sample: (u64, u64),
}

impl<P: EventPublisher> Worker<P> {
    /// Nothing is known yet.
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

    /// Runs until the shutdown.
    pub(crate) async fn run(mut self) {
        while let Some(leadership) = self.stand_by().await {
            tracing::info!("this instance publishes the ledger");
            self.say_leading(true);
            // What another leader did in the meantime is not known here.
            self.known = Known::default();
            let ends = self.lead(leadership).await;
            self.say_leading(false);
            if ends == LeadEnds::Stopped {
                break;
            }
        }
        tracing::debug!("the relay has stopped");
    }

    fn say_leading(&self, leading: bool) {
        self.parts.metrics.relay_leader.set(leading.into());
        self.leading.send_replace(leading);
    }

    /// Waits until this instance leads; `None` at the shutdown.
    async fn stand_by(&mut self) -> Option<LeaderLease> {
        let mut candidate = self.parts.ledger.leader_election();
        while !self.parts.shutdown.is_cancelled() {
            match candidate.try_acquire().await {
                Ok(Some(leadership)) => return Some(leadership),
                Ok(None) => {}
                Err(error) => tracing::warn!(error = %causes(&error), "the lead cannot be asked for"),
            }
            tokio::select! {
                () = tokio::time::sleep(LEAD_CHECK) => {}
                () = self.parts.shutdown.cancelled() => {}
            }
        }
        None
    }

    async fn lead(&mut self, mut leadership: LeaderLease) -> LeadEnds {
        let mut confirmed = Instant::now();
        loop {
            if confirmed.elapsed() >= LEAD_CHECK {
                if let Err(error) = leadership.check().await {
                    tracing::warn!(error = %causes(&error), "the lead is lost");
                    return LeadEnds::Lost;
                }
                confirmed = Instant::now();
            }
            let began = Instant::now();
            let step = self.step().await;
            if self.stops_after(&step) {
                return LeadEnds::Stopped;
            }
            match step {
                Step::Published => {}
                Step::CaughtUp(pause) => self.gather(began + pause).await,
                Step::Idle => self.wait_for_rows().await,
                Step::NotReady => self.wait_for_stream().await,
                Step::Failed => self.wait_for_another_try().await,
            }
        }
    }

    /// Whether to stop: at the shutdown, once nothing is left or can be done, and in any case when the time is up.
    fn stops_after(&mut self, step: &Step) -> bool {
        if !self.parts.shutdown.is_cancelled() {
            return false;
        }
        let stop_at = *self
            .stop_at
            .get_or_insert_with(|| Instant::now() + self.parts.flush_for);
        matches!(step, Step::Idle | Step::NotReady) || Instant::now() >= stop_at
    }

    async fn step(&mut self) -> Step {
        if !self.status_allows() {
            return Step::NotReady;
        }
        if (self.known.stale || self.known.compared.is_none()) && !self.compare().await {
            return self.failed();
        }
        let rows = match self.parts.ledger.unpublished(READ).await {
            Ok(rows) => rows,
            Err(error) => {
                tracing::warn!(error = %causes(&error), "the ledger cannot be read");
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
                    Step::CaughtUp(pause_after(published.last_read))
                }
            }
            Err(error) => {
                tracing::warn!(
                    error = %causes(&error),
                    "acknowledgements cannot be stored"
                );
                self.known.stale = true;
                self.failed()
            }
        }
    }

    /// Whether events can be published now; notices a stream that has to be compared first.
    fn status_allows(&mut self) -> bool {
        let status = self.status.borrow();
        let Some(facts) = status.ready() else {
            return false;
        };
        let seen = (status.connections, facts.created);
        if self.known.compared.is_some_and(|compared| compared != seen) {
            self.known.stale = true;
        }
        // The look came in after the one before it was noted, so what was acknowledged by then must be there.
        let (sample, highest) = self.known.at_sample;
        if facts.sample != sample {
            if facts.last_seq < highest {
                self.known.stale = true;
            }
            self.known.at_sample = (facts.sample, self.known.highest);
        }
        true
    }

    /// Compares the ledger with the stream. `false`: not yet, try again.
    async fn compare(&mut self) -> bool {
        let connections = self.status.borrow().connections;
        self.parts.metrics.reconcile_runs.inc();
        match reconcile(&self.parts.ledger, &self.parts.publisher, (self.parts.now)()).await {
            Ok(report) => {
                if report.reopened > 0 {
                    self.parts.metrics.reconcile_repairs.inc_by(report.reopened);
                    tracing::error!(
                        events = report.reopened,
                        "the stream has lost acknowledged events; they are published again"
                    );
                }
                if report.adopted > 0 {
                    tracing::info!(
                        events = report.adopted,
                        "events whose acknowledgement was not seen are in the stream"
                    );
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
                    error = %causes(&error),
                    "the ledger and the stream are not compared yet"
                );
                // The server answers, but not this: it may never do.
                self.failed_comparisons += u32::from(matches!(error, ReconcileError::Message(_)));
                self.go_on_uncompared(connections)
            }
        }
    }

    /// Gives up comparing for this connection after a few tries, when it is not the connection that fails.
    fn go_on_uncompared(&mut self, connections: u64) -> bool {
        let status = self.status.borrow();
        let Some(facts) = status.ready() else {
            return false;
        };
        if self.failed_comparisons < COMPARISONS || status.connections != connections {
            return false;
        }
        tracing::error!(
            "the ledger cannot be compared with the stream: let this user read messages \
             ($JS.API.DIRECT.GET and $JS.API.STREAM.MSG.GET of the stream); events are published without"
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

    /// Waits for more rows after all that were there are published. An event after a pause is published at once; events that
    /// follow closely are gathered, since a batch costs both servers little more than one event does.
    async fn gather(&mut self, until: Instant) {
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
            () = tokio::time::sleep(POLL) => {}
            () = shutdown.cancelled() => {}
        }
    }

    async fn wait_for_stream(&mut self) {
        let shutdown = self.parts.shutdown.clone();
        tokio::select! {
            _ = self.status.wait_for(|status| status.ready().is_some()) => {}
            () = tokio::time::sleep(LEAD_CHECK) => {}
            () = shutdown.cancelled() => {}
        }
    }

    /// Waits longer after each failure, but not past a reconnect, and not long while there is little time left.
    async fn wait_for_another_try(&mut self) {
        let shutdown = self.parts.shutdown.clone();
        let stopping = shutdown.is_cancelled();
        let pause = backoff::pause(if stopping { 0 } else { self.failures }, self.spread());
        let connections = self.status.borrow().connections;
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = self.status.wait_for(|status| status.connections != connections) => {}
            () = shutdown.cancelled(), if !stopping => {}
        }
    }

    /// Different on every instance and at every try, without a source of randomness: the clock's microseconds.
    fn spread(&self) -> u8 {
        u8::try_from((self.parts.now)().microsecond() % 256).unwrap_or_default()
    }
}

const fn pause_after(rows: usize) -> Duration {
    if rows > 1 {
        GATHER_AFTER_SEVERAL
    } else {
        GATHER_AFTER_ONE
    }
}
