//! What came of a publication, and how the server's answers are read.
//!
//! Every message says which sequence it builds upon. So what follows a message that was not stored
//! is refused, however late it arrives, and the first failure ends a publication: what it has
//! stored is a part from its beginning. After any failure the end of the stream is read before
//! anything is sent again.

use std::error::Error as _;

use async_nats::jetstream::{
    Error as ServerError, ErrorCode,
    context::{PublishError, PublishErrorKind},
};

/// What came of a publication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// So many of the events, from the first on, are known to be stored, each behind the one before
    /// it.
    pub stored: usize,
    /// Why the others are not.
    pub failure: Option<Failure>,
}

/// Why an event was not acknowledged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    #[error("no connection or no usable stream")]
    NotReady,
    /// The stream's last sequence is another one: somebody else has published (10071).
    #[error("the stream has messages that this instance has not published")]
    Fenced,
    /// The stream has a message with this id: it was stored before.
    #[error("the stream has the event already")]
    Duplicate,
    #[error("no stream takes the subject")]
    NoStream,
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
    #[error("larger than the server or the stream takes")]
    TooLarge,
    /// The batch was refused as a whole: single messages show which event is the reason.
    #[error("the batch was refused: {0}")]
    Batch(String),
    #[error("{text} (error {code})")]
    Server { code: u64, text: String },
    #[error("{0}")]
    Client(String),
}

impl Failure {
    /// A word for the label of a metric.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotReady => "not_ready",
            Self::Fenced => "fenced",
            Self::Duplicate => "duplicate",
            Self::NoStream => "no_stream",
            Self::AckTimeout => "ack_timeout",
            Self::ConnectionLost => "connection_lost",
            Self::Denied(_) => "denied",
            Self::ForeignStream(_) => "foreign_stream",
            Self::TooLarge => "too_large",
            Self::Batch(_) => "batch_refused",
            Self::Server { .. } => "refused_by_server",
            Self::Client(_) => "client",
        }
    }
}

/// Read the error of a single publish.
pub(super) fn of_publish_error(error: &PublishError) -> Failure {
    match error.kind() {
        PublishErrorKind::StreamNotFound => Failure::NoStream,
        PublishErrorKind::TimedOut => Failure::AckTimeout,
        PublishErrorKind::BrokenPipe => Failure::ConnectionLost,
        PublishErrorKind::MaxPayloadExceeded => Failure::TooLarge,
        PublishErrorKind::WrongLastSequence | PublishErrorKind::WrongLastMessageId => Failure::Fenced,
        _ => match error.source().and_then(|source| source.downcast_ref::<ServerError>()) {
            Some(server) => of_server_error(server),
            None => Failure::Client(error.to_string()),
        },
    }
}

fn of_server_error(error: &ServerError) -> Failure {
    match error.error_code() {
        ErrorCode::STREAM_WRONG_LAST_SEQUENCE | ErrorCode::STREAM_WRONG_LAST_SEQUENCE_CONSTANT => Failure::Fenced,
        ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM | ErrorCode::STREAM_HEADER_EXCEEDS_MAXIMUM => Failure::TooLarge,
        code => Failure::Server { code: code.0, text: error.to_string() },
    }
}

/// Read the error that a batch was answered with. Nothing of the batch is stored.
pub(super) fn of_batch_error(error: &ServerError) -> Failure {
    match error.error_code() {
        // The server cannot store now.
        ErrorCode::STREAM_TOO_MANY_REQUESTS
        | ErrorCode::STREAM_DUPLICATE_MESSAGE_CONFLICT
        | ErrorCode::STREAM_STORE_FAILED
        | ErrorCode::STREAM_OFFLINE
        | ErrorCode::STREAM_OFFLINE_REASON
        | ErrorCode::INSUFFICIENT_RESOURCES
        | ErrorCode::STORAGE_RESOURCES_EXCEEDED
        | ErrorCode::ACCOUNT_RESOURCES_EXCEEDED
        | ErrorCode::CLUSTER_NOT_AVAILABLE
        | ErrorCode::CLUSTER_NOT_LEADER => Failure::Server { code: error.error_code().0, text: error.to_string() },
        ErrorCode::ATOMIC_PUBLISH_CONTAINS_DUPLICATE_MESSAGE => Failure::Duplicate,
        _ => match of_server_error(error) {
            Failure::Fenced => Failure::Fenced,
            _ => Failure::Batch(error.to_string()),
        },
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
    fn publish_errors_are_read_by_kind_then_by_code() {
        let kind = |kind| of_publish_error(&PublishError::new(kind));
        assert_eq!(kind(PublishErrorKind::StreamNotFound), Failure::NoStream);
        assert_eq!(kind(PublishErrorKind::TimedOut), Failure::AckTimeout);
        assert_eq!(kind(PublishErrorKind::BrokenPipe), Failure::ConnectionLost);
        assert_eq!(kind(PublishErrorKind::MaxPayloadExceeded), Failure::TooLarge);
        assert_eq!(kind(PublishErrorKind::WrongLastSequence), Failure::Fenced);
        assert!(matches!(kind(PublishErrorKind::Other), Failure::Client(_)));
        let coded = |code| of_publish_error(&PublishError::with_source(PublishErrorKind::Other, server(code)));
        assert_eq!([10071, 10164].map(coded), [Failure::Fenced, Failure::Fenced]);
        assert_eq!([10054, 10097].map(coded), [Failure::TooLarge, Failure::TooLarge]);
        assert!(matches!(coded(10077), Failure::Server { code: 10077, .. }));
    }

    #[test]
    fn a_refused_batch_is_sent_singly_unless_the_server_cannot_store_or_the_end_is_another() {
        assert_eq!(of_batch_error(&server(10201)), Failure::Duplicate);
        for code in [10174, 10054, 10176, 10199] {
            assert!(matches!(of_batch_error(&server(code)), Failure::Batch(_)), "{code}");
        }
        for code in [10167, 10077, 10023] {
            assert!(matches!(of_batch_error(&server(code)), Failure::Server { .. }), "{code}");
        }
        assert_eq!(of_batch_error(&server(10071)), Failure::Fenced);
    }
}
