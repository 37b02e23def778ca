//! The status as metrics.

use super::status::{NatsStatus, StreamState};
use crate::telemetry::Metrics;

const MISSING: &str = "missing";
const DRIFT: &str = "drift";

/// Every value of the label: the states beside a fault, and what
/// [`StreamFault::code`](crate::jetstream::StreamFault::code) returns.
const CODES: &[&str] = &[
    MISSING,
    DRIFT,
    "server_too_old",
    "other_server",
    "no_jetstream",
    "foreign_stream",
    "subject_missing",
    "no_ack",
    "sealed",
    "mirror",
    "unfit",
    "denied",
    "refused",
];

/// Set the metrics of the connection and the stream.
pub(crate) fn show(metrics: &Metrics, status: &NatsStatus) {
    metrics.nats_connected.set(i64::from(status.connected));
    let at_fault = match &status.stream {
        StreamState::Missing => Some(MISSING),
        StreamState::Fault(fault) => Some(fault.code()),
        StreamState::Ok(facts) if !facts.drift.is_empty() => Some(DRIFT),
        StreamState::Ok(_) => None,
        // Nothing new is known: the last value stays.
        StreamState::Unknown => return,
    };
    for code in CODES {
        metrics.stream_fault(code, at_fault == Some(code));
    }
}
