//! The names of all metrics, in one place.

/// A metric's name, kind of value and meaning.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct MetricName {
    /// Name as Prometheus sees it.
    pub name: &'static str,
    /// Meaning and unit.
    pub help: &'static str,
    /// Names of its labels.
    pub labels: &'static [&'static str],
}

macro_rules! metrics {
    ($($constant:ident, $name:literal, $labels:expr, $help:literal;)*) => {
        impl MetricName {
            $(
                #[doc = concat!("`watchword_", $name, "`: ", $help)]
                pub const $constant: Self =
                    Self { name: concat!("watchword_", $name), help: $help, labels: &$labels };
            )*
            /// Every metric.
            pub const ALL: &'static [Self] = &[$(Self::$constant),*];
        }
    };
}

metrics! {
    HTTP_REQUESTS, "http_requests_total", ["route", "method", "status"], "Requests answered.";
    HTTP_DURATION, "http_request_duration_seconds", ["route", "method"], "Time from a request's head to its answer.";
    HASH_QUEUE_DEPTH, "hash_queue_depth", [], "Passwords waiting for a hashing thread.";
    HASH_ACTIVE, "hash_active", [], "Passwords being hashed.";
    HASH_WAIT, "hash_wait_seconds", [], "Time a password waited for a hashing thread.";
    HASH_REJECTED, "hash_rejected_total", [], "Passwords refused because the queue was full or too slow.";
    LIMIT_REFUSALS, "limit_refusals_total", ["limiter"], "Tries refused by a rate limiter.";
    LIMIT_FALLBACKS, "limit_fallbacks_total", [], "Questions to Redis about rate limits that were not answered; the tries were counted in the process.";
    OUTBOX_PENDING, "outbox_pending", [], "Ledger rows not yet acknowledged by the stream.";
    OUTBOX_PARKED, "outbox_parked", [], "Ledger rows that cannot be published and wait for an operator.";
    OUTBOX_OLDEST_AGE, "outbox_oldest_age_seconds", [], "Age of the oldest pending ledger row.";
    EVENTS_RECORDED, "events_recorded_total", ["subject"], "Events committed to the ledger.";
    EVENTS_PUBLISHED, "events_published_total", ["subject"], "Events acknowledged by the stream.";
    PUBLISH_DURATION, "event_publish_duration_seconds", [], "Time from an event's commit to its acknowledgement.";
    PUBLISH_BATCH_SIZE, "publish_batch_size", [], "Events published together.";
    PUBLISH_DUPLICATES, "publish_duplicates_total", [], "Events the stream had already.";
    PUBLISH_FAILURES, "publish_failures_total", ["reason"], "Publications that failed and are tried again, or parked.";
    RECONCILE_RUNS, "reconcile_runs_total", [], "Comparisons of the ledger with the stream.";
    RECONCILE_REPAIRS, "reconcile_repairs_total", [], "Acknowledged events that were missing and are published again.";
    NATS_CONNECTED, "nats_connected", [], "1 while connected to NATS.";
    RELAY_LEADER, "relay_leader", [], "1 while this instance publishes the ledger.";
    STREAM_FAULT, "stream_fault", ["reason"], "1 while the stream is not as it must be.";
    CONSUMER_PENDING, "consumer_pending", ["durable"], "Messages of the stream that a durable has not acknowledged.";
    CONSUMER_DISTANCE, "consumer_distance", ["durable"], "Messages between the stream's first one and the durable's next one.";
    CONSUMER_OLDEST_AGE, "consumer_oldest_age_seconds", ["durable"], "Age of the oldest message that a durable has not acknowledged.";
    CONSUMER_HEADROOM, "consumer_headroom_ratio", ["durable"], "Share of the stream's limits left before a durable loses its next message; below 0.1 it is warned of.";
    MAILS_SENT, "mails_sent_total", [], "Mails that the mail server accepted, or that were shown in development.";
    MAILS_FAILED, "mails_failed_total", ["reason"], "Tries to send a mail that failed and are repeated.";
    MAILS_DEAD, "mails_dead_total", ["reason"], "Mails that were given up.";
    MAILS_WAITING, "mails_waiting", [], "Mails that wait to be sent, by all instances.";
    BUILD_INFO, "build_info", ["version"], "Always 1; the version is in the label.";
    RESIDENT_MEMORY, "process_resident_memory_bytes", [], "Resident memory of the process.";
    START_TIME, "process_start_time_seconds", [], "Start of the process, in seconds since 1970.";
}
