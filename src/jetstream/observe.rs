//! The status as metrics.

use super::{
    error::StreamFault,
    status::{NatsStatus, StreamState},
};
use crate::telemetry::Metrics;

const MISSING: &str = "missing";
const DRIFT: &str = "drift";

impl StreamFault {
    /// One word for the metric's label.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::ServerTooOld { .. } => "server_too_old",
            Self::OtherServer { .. } => "other_server",
            Self::NoJetStream(_) => "no_jetstream",
            Self::ForeignStream { .. } => "foreign_stream",
            Self::SubjectMissing { .. } => "subject_missing",
            Self::NoAck(_) => "no_ack",
            Self::Sealed(_) => "sealed",
            Self::Mirror(_) => "mirror",
            Self::Denied(_) => "denied",
            Self::Refused { .. } => "refused",
        }
    }
}

/// Every word that [`StreamFault::code`] and the states beside it can give.
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
    "denied",
    "refused",
];

/// Shows what is known about the connection and the stream.
pub(crate) fn status(metrics: &Metrics, status: &NatsStatus) {
    metrics.nats_connected.set(i64::from(status.connected));
    let at_fault = match &status.stream {
        StreamState::Missing => Some(MISSING),
        StreamState::Fault(fault) => Some(fault.code()),
        StreamState::Ok(facts) if !facts.drift.is_empty() => Some(DRIFT),
        StreamState::Ok(_) => None,
        // Not known: what was said last stands.
        StreamState::Unknown => return,
    };
    for code in CODES {
        metrics.stream_fault(code, at_fault == Some(code));
    }
}
