//! The metrics of one instance.

use std::sync::Arc;

use prometheus::{
    Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry, TextEncoder, core::Collector,
};

use super::{
    consumers::{ConsumerFigures, ConsumerGauges},
    limits::LimitMetrics,
    names::MetricName,
    process::ProcessCollector,
    route::{RouteMetrics, Routes},
};
use crate::telemetry::TelemetryError;

const HTTP_SECONDS: [f64; 14] = [
    0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
];
const WAIT_SECONDS: [f64; 10] = [0.000_5, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0];
/// From a healthy broker (milliseconds) to an outage of ten minutes.
const PUBLISH_SECONDS: [f64; 14] = [
    0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 15.0, 60.0, 180.0, 600.0,
];
const BATCH_SIZES: [f64; 10] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];

/// Handles of every metric; setting one is a few atomic operations.
///
/// Metrics with labels are set through methods, so that every label is given and in the right
/// order.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    routes: Routes,
    events_recorded: IntCounterVec,
    events_published: IntCounterVec,
    events_unrouted: IntCounterVec,
    publish_failures: IntCounterVec,
    events_discarded_unread: IntCounterVec,
    relay_blocked: GaugeVec,
    stream_fault: IntGaugeVec,
    consumers: ConsumerGauges,
    limits: LimitMetrics,
    mails_sent: IntCounter,
    mails_failed: IntCounterVec,
    mails_dead: IntCounterVec,
    pub hash_queue_depth: IntGauge,
    pub hash_active: IntGauge,
    /// [`MetricName::HASH_WAIT`], in seconds.
    pub hash_wait: Histogram,
    pub hash_rejected: IntCounter,
    pub outbox_pending: IntGauge,
    /// [`MetricName::OUTBOX_OLDEST_AGE`], in seconds; 0 when nothing is pending.
    pub outbox_oldest_age: Gauge,
    /// [`MetricName::EVENT_PUBLISH_DURATION`], in seconds.
    pub publish_duration: Histogram,
    /// [`MetricName::EVENT_PUBLISH_BATCH_SIZE`], in events.
    pub publish_batch_size: Histogram,
    pub event_truncated: IntCounter,
    pub relay_resumes: IntCounter,
    /// [`MetricName::LEDGER_BEHIND`], 0 or 1.
    pub ledger_behind: IntGauge,
    pub stream_lost_events: IntCounter,
    pub stream_foreign_messages: IntCounter,
    /// [`MetricName::NATS_CONNECTED`], 0 or 1.
    pub nats_connected: IntGauge,
    /// [`MetricName::RELAY_LEADER`], 0 or 1.
    pub relay_leader: IntGauge,
    pub mails_waiting: IntGauge,
    pub introspections: IntCounterVec,
    pub clients_refused: IntCounter,
}

impl Metrics {
    /// All zero, in a registry of their own.
    ///
    /// # Errors
    ///
    /// [`TelemetryError::Metrics`] when two metrics share a name, which is a bug.
    pub fn new() -> Result<Arc<Self>, TelemetryError> {
        let register = Register(Registry::new());
        let build_info = register.gauges(MetricName::BUILD_INFO)?;
        build_info.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        register.add(ProcessCollector::new()?)?;
        Ok(Arc::new(Self {
            routes: Routes::new(
                register.counters(MetricName::HTTP_REQUESTS)?,
                register.histograms(MetricName::HTTP_DURATION, &HTTP_SECONDS)?,
            ),
            events_recorded: register.counters(MetricName::EVENT_RECORDED)?,
            events_published: register.counters(MetricName::EVENT_PUBLISHED)?,
            events_unrouted: register.counters(MetricName::EVENT_UNROUTED)?,
            publish_failures: register.counters(MetricName::EVENT_PUBLISH_FAILURES)?,
            events_discarded_unread: register.counters(MetricName::EVENT_DISCARDED_UNREAD)?,
            relay_blocked: register.fractions(MetricName::RELAY_BLOCKED)?,
            stream_fault: register.gauges(MetricName::STREAM_FAULT)?,
            consumers: ConsumerGauges {
                pending: register.gauges(MetricName::CONSUMER_PENDING)?,
                headroom_messages: register.gauges(MetricName::CONSUMER_HEADROOM_MESSAGES)?,
                oldest_age: register.fractions(MetricName::CONSUMER_OLDEST_AGE)?,
                headroom_ratio: register.fractions(MetricName::CONSUMER_HEADROOM_RATIO)?,
                ahead: register.gauges(MetricName::CONSUMER_AHEAD)?,
            },
            limits: LimitMetrics {
                refused: register.counters(MetricName::LIMIT_REFUSALS)?,
                fallbacks: register.counter(MetricName::LIMIT_FALLBACKS)?,
            },
            mails_sent: register.counter(MetricName::MAIL_SENT)?,
            mails_failed: register.counters(MetricName::MAIL_ATTEMPTS_FAILED)?,
            mails_dead: register.counters(MetricName::MAIL_DEAD)?,
            mails_waiting: register.gauge(MetricName::MAIL_WAITING)?,
            hash_queue_depth: register.gauge(MetricName::HASH_QUEUED)?,
            hash_active: register.gauge(MetricName::HASH_ACTIVE)?,
            hash_wait: register.histogram(MetricName::HASH_WAIT, &WAIT_SECONDS)?,
            hash_rejected: register.counter(MetricName::HASH_REJECTED)?,
            outbox_pending: register.gauge(MetricName::OUTBOX_PENDING)?,
            outbox_oldest_age: register.add(Gauge::with_opts(opts(MetricName::OUTBOX_OLDEST_AGE))?)?,
            publish_duration: register.histogram(MetricName::EVENT_PUBLISH_DURATION, &PUBLISH_SECONDS)?,
            publish_batch_size: register.histogram(MetricName::EVENT_PUBLISH_BATCH_SIZE, &BATCH_SIZES)?,
            event_truncated: register.counter(MetricName::EVENT_TRUNCATED)?,
            relay_resumes: register.counter(MetricName::RELAY_RESUMES)?,
            ledger_behind: register.gauge(MetricName::LEDGER_BEHIND)?,
            stream_lost_events: register.counter(MetricName::STREAM_LOST_EVENTS)?,
            stream_foreign_messages: register.counter(MetricName::STREAM_FOREIGN_MESSAGES)?,
            nats_connected: register.gauge(MetricName::NATS_CONNECTED)?,
            relay_leader: register.gauge(MetricName::RELAY_LEADER)?,
            introspections: register.counters(MetricName::OAUTH_INTROSPECTIONS)?,
            clients_refused: register.counter(MetricName::OAUTH_CLIENTS_REFUSED)?,
            registry: register.0,
        }))
    }

    /// `route` is the template (`/users/{id}`), never the path of a request, and `unmatched` where
    /// no route answered.
    #[must_use]
    pub fn route(&self, route: &str, method: &str) -> Arc<RouteMetrics> {
        self.routes.get(route, method)
    }

    /// Count an event that stays in the ledger alone. `subject` is that of its kind, as below.
    pub fn event_unrouted(&self, subject: &str) {
        self.events_unrouted.with_label_values(&[subject]).inc();
    }

    /// Count an event that was committed to the ledger. `subject` is that of its kind: what users
    /// name is no label.
    pub fn event_recorded(&self, subject: &str) {
        self.events_recorded.with_label_values(&[subject]).inc();
    }

    /// Count an event that the stream acknowledged.
    pub fn event_published(&self, subject: &str) {
        self.events_published.with_label_values(&[subject]).inc();
    }

    /// Count a publication that failed. `reason` is one of a few fixed words, never an error's
    /// text.
    pub fn publish_failed(&self, reason: &'static str) {
        self.publish_failures.with_label_values(&[reason]).inc();
    }

    /// Count messages that were discarded before this durable consumer had read them.
    pub fn event_discarded_unread(&self, durable: &str, messages: u64) {
        self.events_discarded_unread.with_label_values(&[durable]).inc_by(messages);
    }

    /// Set for how many seconds nothing could be published. `reason` is one of a few fixed words.
    pub fn relay_blocked(&self, reason: &'static str, seconds: f64) {
        self.relay_blocked.with_label_values(&[reason]).set(seconds);
    }

    /// Set whether the stream has a fault. `reason` is one of a few fixed words.
    pub fn stream_fault(&self, reason: &'static str, at_fault: bool) {
        self.stream_fault.with_label_values(&[reason]).set(i64::from(at_fault));
    }

    /// Count a mail that was delivered.
    pub fn mail_sent(&self) {
        self.mails_sent.inc();
    }

    /// Count a delivery of a mail that failed and is retried. `reason` is one of a few fixed words.
    pub fn mail_failed(&self, reason: &'static str) {
        self.mails_failed.with_label_values(&[reason]).inc();
    }

    /// Count a mail that will not be retried. `reason` is one of a few fixed words.
    pub fn mail_dead(&self, reason: &'static str) {
        self.mails_dead.with_label_values(&[reason]).inc();
    }

    /// Set the figures of a durable consumer.
    pub fn consumer(&self, durable: &str, figures: &ConsumerFigures) {
        self.consumers.show(durable, figures);
    }

    /// Remove the figures of a durable consumer that is gone, or that another instance reports.
    pub fn forget_consumer(&self, durable: &str) {
        self.consumers.forget(durable);
    }

    #[must_use]
    pub const fn limits(&self) -> &LimitMetrics {
        &self.limits
    }

    /// Write all metrics in the text format 0.0.4 of Prometheus.
    #[must_use]
    pub fn render(&self) -> String {
        TextEncoder::new().encode_to_string(&self.registry.gather()).unwrap_or_else(|error| {
            tracing::error!(%error, "metrics cannot be written");
            String::new()
        })
    }
}

/// Creates metrics and registers them.
struct Register(Registry);

impl Register {
    fn add<C: Collector + Clone + 'static>(&self, metric: C) -> Result<C, prometheus::Error> {
        self.0.register(Box::new(metric.clone()))?;
        Ok(metric)
    }

    fn counter(&self, name: MetricName) -> Result<IntCounter, prometheus::Error> {
        self.add(IntCounter::with_opts(opts(name))?)
    }

    fn counters(&self, name: MetricName) -> Result<IntCounterVec, prometheus::Error> {
        self.add(IntCounterVec::new(opts(name), name.labels)?)
    }

    fn gauge(&self, name: MetricName) -> Result<IntGauge, prometheus::Error> {
        self.add(IntGauge::with_opts(opts(name))?)
    }

    fn gauges(&self, name: MetricName) -> Result<IntGaugeVec, prometheus::Error> {
        self.add(IntGaugeVec::new(opts(name), name.labels)?)
    }

    fn fractions(&self, name: MetricName) -> Result<GaugeVec, prometheus::Error> {
        self.add(GaugeVec::new(opts(name), name.labels)?)
    }

    fn histogram(&self, name: MetricName, buckets: &[f64]) -> Result<Histogram, prometheus::Error> {
        self.add(Histogram::with_opts(HistogramOpts::from(opts(name)).buckets(buckets.to_vec()))?)
    }

    fn histograms(&self, name: MetricName, buckets: &[f64]) -> Result<HistogramVec, prometheus::Error> {
        self.add(HistogramVec::new(HistogramOpts::from(opts(name)).buckets(buckets.to_vec()), name.labels)?)
    }
}

fn opts(name: MetricName) -> Opts {
    Opts::new(name.name, name.help)
}
