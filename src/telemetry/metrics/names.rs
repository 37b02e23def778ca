//! The names of all metrics: `watchword_<component>_<what>_<unit>`, the component in the singular.
//! What every Prometheus client exports about its process has the same name here.

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
                #[doc = concat!("`", $name, "`: ", $help)]
                pub const $constant: Self = Self { name: $name, help: $help, labels: &$labels };
            )*
            pub const ALL: &'static [Self] = &[$(Self::$constant),*];
        }
    };
}

metrics! {
    HTTP_REQUESTS, "watchword_http_requests_total", ["route", "method", "status"], "Requests answered.";
    HTTP_DURATION, "watchword_http_request_duration_seconds", ["route", "method"], "Time from the head of a request to its response.";
    HASH_QUEUED, "watchword_hash_queued_passwords", [], "Passwords waiting for a hashing thread.";
    HASH_ACTIVE, "watchword_hash_active_passwords", [], "Passwords being hashed.";
    HASH_WAIT, "watchword_hash_wait_duration_seconds", [], "Time that a password waited for a hashing thread.";
    HASH_REJECTED, "watchword_hash_rejected_total", [], "Passwords refused because the queue was full or too slow.";
    LIMIT_REFUSALS, "watchword_limit_refusals_total", ["limiter"], "Requests refused by a rate limit.";
    LIMIT_FALLBACKS, "watchword_limit_fallbacks_total", [], "Rate limit checks that Redis did not answer and that were counted in the process.";
    OUTBOX_PENDING, "watchword_outbox_pending_events", [], "Ledger rows not yet acknowledged by the stream.";
    OUTBOX_OLDEST_AGE, "watchword_outbox_oldest_age_seconds", [], "Age of the oldest pending ledger row.";
    EVENT_RECORDED, "watchword_event_recorded_total", ["subject"], "Events committed to the ledger.";
    EVENT_PUBLISHED, "watchword_event_published_total", ["subject"], "Events acknowledged by the stream.";
    EVENT_UNROUTED, "watchword_event_unrouted_total", ["subject"], "Events that the stream does not take, which stay in the ledger alone.";
    EVENT_PUBLISH_DURATION, "watchword_event_publish_duration_seconds", [], "Time from an event's commit to its acknowledgement.";
    EVENT_PUBLISH_BATCH_SIZE, "watchword_event_publish_batch_size", [], "Events published together.";
    EVENT_TRUNCATED, "watchword_event_truncated_total", [], "Events that the stream refused for their size and that were published without their details.";
    EVENT_DISCARDED_UNREAD, "watchword_event_discarded_unread_total", ["durable"], "Messages that the stream discarded while a large backlog was published, before a durable consumer had read them.";
    EVENT_PUBLISH_FAILURES, "watchword_event_publish_failures_total", ["reason"], "Publications that failed and are retried.";
    RELAY_BLOCKED, "watchword_relay_blocked_seconds", ["reason"], "How long the leading relay has not been able to publish; 0 when it can.";
    RELAY_RESUMES, "watchword_relay_resumes_total", [], "Times that the relay read the end of the stream to find its place.";
    LEDGER_BEHIND, "watchword_ledger_behind", [], "1 while the stream has events of this ledger that the ledger lacks; nothing is published.";
    STREAM_LOST_EVENTS, "watchword_stream_lost_events_total", [], "Acknowledged events that the stream lost and that are published again.";
    STREAM_FOREIGN_MESSAGES, "watchword_stream_foreign_messages_total", [], "Messages of others that the relay found at the end of the stream.";
    NATS_CONNECTED, "watchword_nats_connected", [], "1 while connected to NATS.";
    RELAY_LEADER, "watchword_relay_leader", [], "1 while this instance publishes the ledger.";
    STREAM_FAULT, "watchword_stream_fault", ["reason"], "1 while the stream is not as it must be.";
    CONSUMER_PENDING, "watchword_consumer_pending_messages", ["durable"], "Messages of the stream that a durable consumer has not acknowledged.";
    CONSUMER_HEADROOM_MESSAGES, "watchword_consumer_headroom_messages", ["durable"], "Messages between the first one of the stream and the next one of the durable consumer.";
    CONSUMER_OLDEST_AGE, "watchword_consumer_oldest_age_seconds", ["durable"], "Age of the oldest message that a durable consumer has not acknowledged.";
    CONSUMER_HEADROOM_RATIO, "watchword_consumer_headroom_ratio", ["durable"], "Share of the stream's limits left before a durable consumer loses its next message; a warning is logged below 0.1.";
    CONSUMER_AHEAD, "watchword_consumer_ahead_messages", ["durable"], "Sequences that the stream has to give out before a durable consumer gets a message again: it is ahead of a stream that lost its end.";
    MAIL_SENT, "watchword_mail_sent_total", [], "Emails that the mail server accepted, or that were logged in development.";
    MAIL_ATTEMPTS_FAILED, "watchword_mail_attempts_failed_total", ["reason"], "Deliveries of an email that failed and are retried.";
    MAIL_DEAD, "watchword_mail_dead_total", ["reason"], "Emails that will not be retried.";
    MAIL_WAITING, "watchword_mail_waiting_messages", [], "Emails that wait to be delivered, by all instances.";
    OAUTH_INTROSPECTIONS, "watchword_oauth_introspections_total", ["token", "active"], "Token introspections by other services.";
    OAUTH_CLIENTS_REFUSED, "watchword_oauth_clients_refused_total", [], "Requests of clients with an unknown id or a wrong secret.";
    BUILD_INFO, "watchword_build_info", ["version"], "Always 1; the version is in the label.";
    PROCESS_CPU, "process_cpu_seconds_total", [], "Time that the process ran, in user and in system mode.";
    PROCESS_MAX_FDS, "process_max_fds", [], "Maximum number of open file descriptors.";
    PROCESS_OPEN_FDS, "process_open_fds", [], "Open file descriptors.";
    PROCESS_RESIDENT_MEMORY, "process_resident_memory_bytes", [], "Resident memory of the process.";
    PROCESS_START_TIME, "process_start_time_seconds", [], "Start of the process, in seconds since 1970.";
}
