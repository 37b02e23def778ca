//! The names of all metrics.

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct MetricName {
    pub name: &'static str,
    /// Meaning and unit.
    pub help: &'static str,
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
            pub const ALL: &'static [Self] = &[$(Self::$constant),*];
        }
    };
}

metrics! {
    HTTP_REQUESTS, "http_requests_total", ["route", "method", "status"], "Requests answered.";
    HTTP_DURATION, "http_request_duration_seconds", ["route", "method"], "Time from the head of a request to its response.";
    HASH_QUEUE_DEPTH, "hash_queue_depth", [], "Passwords waiting for a hashing thread.";
    HASH_ACTIVE, "hash_active", [], "Passwords being hashed.";
    HASH_WAIT, "hash_wait_seconds", [], "Time that a password waited for a hashing thread.";
    HASH_REJECTED, "hash_rejected_total", [], "Passwords refused because the queue was full or too slow.";
    LIMIT_REFUSALS, "limit_refusals_total", ["limiter"], "Requests refused by a rate limit.";
    LIMIT_FALLBACKS, "limit_fallbacks_total", [], "Rate limit checks that Redis did not answer and that were counted in the process.";
    OUTBOX_PENDING, "outbox_pending", [], "Ledger rows not yet acknowledged by the stream.";
    OUTBOX_PARKED, "outbox_parked", [], "Ledger rows that cannot be published and wait for an operator.";
    OUTBOX_OLDEST_AGE, "outbox_oldest_age_seconds", [], "Age of the oldest pending ledger row.";
    EVENTS_RECORDED, "events_recorded_total", ["subject"], "Events committed to the ledger.";
    EVENTS_PUBLISHED, "events_published_total", ["subject"], "Events acknowledged by the stream.";
    PUBLISH_DURATION, "event_publish_duration_seconds", [], "Time from an event's commit to its acknowledgement.";
    PUBLISH_BATCH_SIZE, "publish_batch_size", [], "Events published together.";
    PUBLISH_DUPLICATES, "publish_duplicates_total", [], "Events that the stream had already.";
    PUBLISH_FAILURES, "publish_failures_total", ["reason"], "Publications that failed and are retried or parked.";
    RECONCILE_RUNS, "reconcile_runs_total", [], "Comparisons of the ledger with the stream.";
    RECONCILE_REPAIRS, "reconcile_repairs_total", [], "Acknowledged events that were missing and are published again.";
    NATS_CONNECTED, "nats_connected", [], "1 while connected to NATS.";
    RELAY_LEADER, "relay_leader", [], "1 while this instance publishes the ledger.";
    STREAM_FAULT, "stream_fault", ["reason"], "1 while the stream is not as it must be.";
    CONSUMER_PENDING, "consumer_pending", ["durable"], "Messages of the stream that a durable consumer has not acknowledged.";
    CONSUMER_DISTANCE, "consumer_distance", ["durable"], "Messages between the first one of the stream and the next one of the durable consumer.";
    CONSUMER_OLDEST_AGE, "consumer_oldest_age_seconds", ["durable"], "Age of the oldest message that a durable consumer has not acknowledged.";
    CONSUMER_HEADROOM, "consumer_headroom_ratio", ["durable"], "Share of the stream's limits left before a durable consumer loses its next message; a warning is logged below 0.1.";
    MAILS_SENT, "mails_sent_total", [], "Mails that the mail server accepted, or that were logged in development.";
    MAILS_FAILED, "mails_failed_total", ["reason"], "Deliveries of a mail that failed and are retried.";
    MAILS_DEAD, "mails_dead_total", ["reason"], "Mails that will not be retried.";
    MAILS_WAITING, "mails_waiting", [], "Mails that wait to be delivered, by all instances.";
    INTROSPECTIONS, "introspections_total", ["token", "active"], "Token introspections by other services.";
    CLIENTS_REFUSED, "clients_refused_total", [], "Requests of clients with an unknown id or a wrong secret.";
    BUILD_INFO, "build_info", ["version"], "Always 1; the version is in the label.";
    RESIDENT_MEMORY, "process_resident_memory_bytes", [], "Resident memory of the process.";
    START_TIME, "process_start_time_seconds", [], "Start of the process, in seconds since 1970.";
}
