//! The outcome of publishing an event, and how the server's answers are read.
//!
//! | answer | read as |
//! |---|---|
//! | acknowledgement by our stream | [`Acked`] |
//! | no acknowledgement in time, connection lost | [`Unknown`]: it may be stored, or be stored later |
//! | no responders, 10167, 10158, 10077, storage and every other error | [`Retry`]: never dropped |
//! | 10060, 10054, 10097, payload too large | [`Parked`]: it would always be refused |
//!
//! An event that is about no account, or that an application recorded, is not sent when the stream
//! does not take its subject: [`Unrouted`]. So is one that the user may not publish.
//!
//! [`Acked`]: PublishOutcome::Acked
//! [`Unknown`]: PublishOutcome::Unknown
//! [`Retry`]: PublishOutcome::Retry
//! [`Parked`]: PublishOutcome::Parked
//! [`Unrouted`]: PublishOutcome::Unrouted

use std::error::Error as _;

use async_nats::jetstream::{
    Error as ServerError, ErrorCode,
    context::{PublishError, PublishErrorKind},
};

use crate::domain::ids::StreamSeq;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublishOutcome {
    /// The stream has it.
    Acked {
        stream_seq: StreamSeq,
        /// The stream had it already, at this sequence.
        duplicate: bool,
    },
    /// It may be stored: it may only be sent again with the same id, after the stream was checked.
    Unknown(Reason),
    /// It is not stored; retry later.
    Retry(Reason),
    /// It is not stored and never will be: it waits for an operator.
    Parked(Reason),
    /// It is not stored, since the stream has no place for its kind of event. The others go on.
    Unrouted(Reason),
}

impl PublishOutcome {
    /// Whether the event has to be sent again, and what follows it must not be sent before.
    pub(super) const fn is_failure(&self) -> bool {
        matches!(self, Self::Unknown(_) | Self::Retry(_))
    }
}

/// Why an event was not acknowledged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    #[error("no connection or no usable stream")]
    NotReady,
    #[error("not sent: an earlier event has to be stored first")]
    NotSent,
    #[error("no stream takes the subject")]
    NoStream,
    #[error("the stream does not take {0}")]
    NotTaken(String),
    #[error("no acknowledgement in time")]
    AckTimeout,
    #[error("connection lost before the acknowledgement")]
    ConnectionLost,
    /// The NATS user may not publish to the subject.
    #[error("the NATS user has no right to {0}")]
    Denied(String),
    /// A stream of another name took the event.
    #[error("taken by the stream {0}")]
    ForeignStream(String),
    /// Larger than the server or the stream takes.
    #[error("{size} bytes, more than the {limit} allowed")]
    TooLarge {
        /// In bytes, headers included.
        size: usize,
        limit: usize,
    },
    #[error("{text} (error {code})")]
    Server {
        /// See the table above.
        code: u64,
        text: String,
    },
    #[error("{0}")]
    Client(String),
}

impl Reason {
    /// A word for the label of a metric.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotReady => "not_ready",
            Self::NotSent => "not_sent",
            Self::NoStream => "no_stream",
            Self::NotTaken(_) => "not_taken",
            Self::AckTimeout => "ack_timeout",
            Self::ConnectionLost => "connection_lost",
            Self::Denied(_) => "denied",
            Self::ForeignStream(_) => "foreign_stream",
            Self::TooLarge { .. } => "too_large",
            Self::Server { .. } => "refused_by_server",
            Self::Client(_) => "client",
        }
    }
}

/// Read the error of a single publish.
pub(super) fn of_publish_error(error: &PublishError) -> PublishOutcome {
    match error.kind() {
        PublishErrorKind::StreamNotFound => PublishOutcome::Retry(Reason::NoStream),
        PublishErrorKind::TimedOut => PublishOutcome::Unknown(Reason::AckTimeout),
        PublishErrorKind::BrokenPipe => PublishOutcome::Unknown(Reason::ConnectionLost),
        PublishErrorKind::MaxPayloadExceeded => PublishOutcome::Parked(Reason::Client(error.to_string())),
        _ => match error.source().and_then(|source| source.downcast_ref::<ServerError>()) {
            Some(server) => of_server_error(server),
            None => PublishOutcome::Unknown(Reason::Client(error.to_string())),
        },
    }
}

fn of_server_error(error: &ServerError) -> PublishOutcome {
    let reason = Reason::Server { code: error.error_code().0, text: error.to_string() };
    if never_accepted(error.error_code()) {
        PublishOutcome::Parked(reason)
    } else {
        PublishOutcome::Retry(reason)
    }
}

fn never_accepted(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::STREAM_NOT_MATCH
            | ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM
            | ErrorCode::STREAM_HEADER_EXCEEDS_MAXIMUM
    )
}

/// How to go on after the server refused an atomic batch, of which nothing is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum BatchRefusal {
    /// Send its events singly: one of them is a duplicate (10201) or cannot be stored, or the
    /// stream allows no batches.
    SendSingly(Reason),
    /// The server cannot store now: send the batch again later.
    Retry(Reason),
}

/// Read the error that a batch was answered with.
pub(super) fn of_batch_error(error: &ServerError) -> BatchRefusal {
    let reason = Reason::Server { code: error.error_code().0, text: error.to_string() };
    match error.error_code() {
        ErrorCode::STREAM_TOO_MANY_REQUESTS
        | ErrorCode::STREAM_DUPLICATE_MESSAGE_CONFLICT
        | ErrorCode::STREAM_STORE_FAILED
        | ErrorCode::STREAM_OFFLINE
        | ErrorCode::STREAM_OFFLINE_REASON
        | ErrorCode::INSUFFICIENT_RESOURCES
        | ErrorCode::STORAGE_RESOURCES_EXCEEDED
        | ErrorCode::ACCOUNT_RESOURCES_EXCEEDED
        | ErrorCode::CLUSTER_NOT_AVAILABLE
        | ErrorCode::CLUSTER_NOT_LEADER => BatchRefusal::Retry(reason),
        _ => BatchRefusal::SendSingly(reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(code: u64) -> ServerError {
        let json = format!(r#"{{"code":400,"err_code":{code},"description":"said"}}"#);
        serde_json::from_str(&json).unwrap()
    }

    #[test]
    fn what_is_always_refused_is_parked_and_the_rest_is_retried() {
        for code in [10060, 10054, 10097] {
            assert!(matches!(of_server_error(&server(code)), PublishOutcome::Parked(_)), "{code}");
        }
        for code in [10167, 10158, 10077, 10023, 10047, 10071, 10999] {
            assert!(matches!(of_server_error(&server(code)), PublishOutcome::Retry(_)), "{code}");
        }
    }

    #[test]
    fn publish_errors_are_read_by_kind_then_by_code() {
        let kind = |kind| of_publish_error(&PublishError::new(kind));
        assert_eq!(kind(PublishErrorKind::StreamNotFound), PublishOutcome::Retry(Reason::NoStream));
        assert_eq!(kind(PublishErrorKind::TimedOut), PublishOutcome::Unknown(Reason::AckTimeout));
        assert_eq!(kind(PublishErrorKind::BrokenPipe), PublishOutcome::Unknown(Reason::ConnectionLost));
        assert!(matches!(kind(PublishErrorKind::MaxPayloadExceeded), PublishOutcome::Parked(_)));
        assert!(matches!(kind(PublishErrorKind::Other), PublishOutcome::Unknown(_)));
        let coded = |code| of_publish_error(&PublishError::with_source(PublishErrorKind::Other, server(code)));
        assert!(matches!(coded(10054), PublishOutcome::Parked(_)));
        assert!(matches!(coded(10077), PublishOutcome::Retry(_)));
    }

    #[test]
    fn the_events_of_a_refused_batch_are_sent_singly_unless_the_server_cannot_store() {
        for code in [10201, 10174, 10054, 10176, 10199] {
            assert!(matches!(of_batch_error(&server(code)), BatchRefusal::SendSingly(_)), "{code}");
        }
        for code in [10167, 10077, 10023] {
            assert!(matches!(of_batch_error(&server(code)), BatchRefusal::Retry(_)), "{code}");
        }
    }
}
