//! What became of a published event, and how the server's answers are read.
//!
//! | answer | read as |
//! |---|---|
//! | acknowledgement by our stream | [`Outcome::Acked`] |
//! | no acknowledgement in time, connection lost | [`Outcome::Unknown`]: it may be stored, or be stored later |
//! | no responders, 10167, 10158, 10077, storage and every other error | [`Outcome::Retry`]: never dropped |
//! | 10060, 10054, 10097, payload too large | [`Outcome::Parked`]: it would be refused for ever |

use std::{error::Error as _, fmt};

use async_nats::jetstream::{
    Error as ServerError, ErrorCode,
    context::{PublishError, PublishErrorKind},
};

/// What became of one event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The stream has it.
    Acked {
        /// Its sequence in the stream.
        stream_seq: u64,
        /// The stream had it already, at this sequence.
        duplicate: bool,
    },
    /// It may or may not be stored: only the same id may be sent again, after a look at the stream.
    Unknown(Reason),
    /// It is not stored; try again later.
    Retry(Reason),
    /// It is not stored and never will be: set it aside for an operator.
    Parked(Reason),
}

/// Why an event was not acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// There is no connection, or no usable stream.
    NotReady,
    /// It was not sent, because an earlier one failed.
    NotSent,
    /// No stream listens to the subject.
    NoStream,
    /// No acknowledgement in time.
    AckTimeout,
    /// The connection broke before the acknowledgement.
    ConnectionLost,
    /// This user may not publish to the subject.
    Denied(String),
    /// A stream of another name took it.
    ForeignStream(String),
    /// Larger than the server or the stream takes, in bytes.
    TooLarge {
        /// Its size, headers included.
        size: usize,
        /// The limit.
        limit: usize,
    },
    /// The server's error.
    Server {
        /// The error code, see the table above.
        code: u64,
        /// The server's words.
        text: String,
    },
    /// The client's error.
    Client(String),
}

impl Reason {
    /// One word for a metric's label.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotReady => "not_ready",
            Self::NotSent => "not_sent",
            Self::NoStream => "no_stream",
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

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotReady => f.write_str("no connection or no usable stream"),
            Self::NotSent => f.write_str("not sent: an earlier event has to go first"),
            Self::NoStream => f.write_str("no stream listens to the subject"),
            Self::AckTimeout => f.write_str("no acknowledgement in time"),
            Self::ConnectionLost => f.write_str("connection lost before the acknowledgement"),
            Self::Denied(subject) => write!(f, "the NATS user has no right to {subject}"),
            Self::ForeignStream(stream) => write!(f, "taken by the stream {stream}"),
            Self::TooLarge { size, limit } => write!(f, "{size} bytes, more than the {limit} allowed"),
            Self::Server { code, text } => write!(f, "{text} (error {code})"),
            Self::Client(text) => f.write_str(text),
        }
    }
}

/// Reads the error of a single publish.
pub(crate) fn of_publish_error(error: &PublishError) -> Outcome {
    match error.kind() {
        PublishErrorKind::StreamNotFound => Outcome::Retry(Reason::NoStream),
        PublishErrorKind::TimedOut => Outcome::Unknown(Reason::AckTimeout),
        PublishErrorKind::BrokenPipe => Outcome::Unknown(Reason::ConnectionLost),
        PublishErrorKind::MaxPayloadExceeded => Outcome::Parked(Reason::Client(error.to_string())),
        _ => match error.source().and_then(|source| source.downcast_ref::<ServerError>()) {
            Some(server) => of_server_error(server),
            None => Outcome::Unknown(Reason::Client(error.to_string())),
        },
    }
}

/// Reads an error that the server answered.
pub(crate) fn of_server_error(error: &ServerError) -> Outcome {
    let reason = Reason::Server {
        code: error.error_code().0,
        text: error.to_string(),
    };
    if never_accepted(error.error_code()) {
        Outcome::Parked(reason)
    } else {
        Outcome::Retry(reason)
    }
}

/// Refused however often it is sent.
fn never_accepted(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::STREAM_NOT_MATCH
            | ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM
            | ErrorCode::STREAM_HEADER_EXCEEDS_MAXIMUM
    )
}

/// How to go on when the server refused an atomic batch (of which nothing is then stored).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum BatchRefusal {
    /// Send its events one by one: one of them is a duplicate (10201) or cannot be taken, or batches are off.
    Singles(Reason),
    /// The server cannot store now: all of them again later.
    Later(Reason),
}

/// Reads the error that a batch was answered with.
pub(crate) fn of_batch_error(error: &ServerError) -> BatchRefusal {
    let reason = Reason::Server {
        code: error.error_code().0,
        text: error.to_string(),
    };
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
        | ErrorCode::CLUSTER_NOT_LEADER => BatchRefusal::Later(reason),
        _ => BatchRefusal::Singles(reason),
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
    fn what_is_refused_for_ever_is_parked_and_the_rest_tried_again() {
        for code in [10060, 10054, 10097] {
            assert!(matches!(of_server_error(&server(code)), Outcome::Parked(_)), "{code}");
        }
        for code in [10167, 10158, 10077, 10023, 10047, 10071, 10999] {
            assert!(matches!(of_server_error(&server(code)), Outcome::Retry(_)), "{code}");
        }
    }

    #[test]
    fn publish_errors_are_read_by_kind_then_by_code() {
        let kind = |kind| of_publish_error(&PublishError::new(kind));
        assert_eq!(kind(PublishErrorKind::StreamNotFound), Outcome::Retry(Reason::NoStream));
        assert_eq!(kind(PublishErrorKind::TimedOut), Outcome::Unknown(Reason::AckTimeout));
        assert_eq!(
            kind(PublishErrorKind::BrokenPipe),
            Outcome::Unknown(Reason::ConnectionLost)
        );
        assert!(matches!(kind(PublishErrorKind::MaxPayloadExceeded), Outcome::Parked(_)));
        assert!(matches!(kind(PublishErrorKind::Other), Outcome::Unknown(_)));
        let coded = |code| of_publish_error(&PublishError::with_source(PublishErrorKind::Other, server(code)));
        assert!(matches!(coded(10054), Outcome::Parked(_)));
        assert!(matches!(coded(10077), Outcome::Retry(_)));
    }

    #[test]
    fn a_refused_batch_goes_one_by_one_unless_the_server_cannot_store() {
        for code in [10201, 10174, 10054, 10176, 10199] {
            assert!(
                matches!(of_batch_error(&server(code)), BatchRefusal::Singles(_)),
                "{code}"
            );
        }
        for code in [10167, 10077, 10023] {
            assert!(
                matches!(of_batch_error(&server(code)), BatchRefusal::Later(_)),
                "{code}"
            );
        }
    }
}
