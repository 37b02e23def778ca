//! Requests about what a stream holds. All of them are answered by the server that leads the
//! stream: a replica that lags behind would report a message that exists as missing.

use async_nats::jetstream::{
    message::StreamMessage,
    stream::{DirectGetErrorKind, RawMessageError, RawMessageErrorKind},
};
use bytes::Bytes;
use watchword_events::headers::{CE_SOURCE, LEDGER, MESSAGE_ID};

use super::provision::{self, StreamUnusable};
use crate::domain::ids::StreamSeq;
use crate::jetstream::{
    connection::{ConnectionState, StreamFacts},
    error::ProbeError,
};
use crate::telemetry::SeededBug;

const READ: &str = "read a message";
/// What the subjects of requests for a message begin with.
const READ_SUBJECT: &str = "$JS.API.STREAM.MSG.GET.";

/// A message of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredMessage {
    pub seq: StreamSeq,
    pub subject: String,
    /// The value of `Nats-Msg-Id`.
    pub message_id: Option<String>,
    /// The value of `Watchword-Ledger`.
    pub mark: Option<String>,
    /// The value of `ce-source`.
    pub source: Option<String>,
    pub payload: Bytes,
}

/// Ask the server for the stream's first and last sequence.
pub(crate) async fn position(state: &ConnectionState) -> Result<StreamFacts, ProbeError> {
    let connection = state.connected()?;
    let refused = |reason: String| ProbeError::Refused { what: "stream info", reason };
    let version =
        provision::check_version(&connection.client.server_info().version).map_err(|old| refused(old.to_string()))?;
    let ours = |subject: &str| subject.starts_with(provision::STREAM_INFO);
    let found = state.permissions.race(ours, provision::find(&connection.context, &state.desired.name));
    match found.await.map_err(ProbeError::Denied)? {
        Ok(Some(info)) => Ok(StreamFacts::new(&info, version, Vec::new())),
        Ok(None) => Err(ProbeError::NoStream),
        Err(StreamUnusable::Later(error) | StreamUnusable::Missing(error)) => Err(error),
        Err(StreamUnusable::Fault(fault)) => Err(refused(fault.to_string())),
    }
}

/// Read the message at a sequence.
pub(crate) async fn message_at(
    state: &ConnectionState,
    stream: &str,
    seq: StreamSeq,
) -> Result<Option<StoredMessage>, ProbeError> {
    read(state, stream, seq, None).await
}

/// Read the first message at or behind a sequence, on any subject.
pub(crate) async fn next_message(
    state: &ConnectionState,
    stream: &str,
    from: StreamSeq,
) -> Result<Option<StoredMessage>, ProbeError> {
    read(state, stream, from, Some(">")).await
}

async fn read(
    state: &ConnectionState,
    stream: &str,
    seq: StreamSeq,
    subject: Option<&str>,
) -> Result<Option<StoredMessage>, ProbeError> {
    let context = &state.connected()?.context;
    let refused = |reason: String| ProbeError::Refused { what: READ, reason };
    let request = async {
        let stream = context.get_stream_no_info(stream).await.map_err(|error| refused(error.to_string()))?;
        if SeededBug::LaggingReplica.is_active() {
            return match stream.direct_get(seq.get()).await {
                Ok(message) => Ok(Some(stored(message))),
                Err(error) if error.kind() == DirectGetErrorKind::NotFound => Ok(None),
                Err(error) => Err(refused(error.to_string())),
            };
        }
        let message = stream.raw_message_builder().sequence(seq.get());
        let message = match subject {
            Some(subject) => message.next_by_subject(subject),
            None => message,
        };
        match message.send().await {
            Ok(message) => Ok(Some(stored(message))),
            Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => Ok(None),
            Err(error) => Err(unanswered(&error)),
        }
    };
    let ours = |subject: &str| subject.starts_with(READ_SUBJECT);
    state.permissions.race(ours, request).await.map_err(ProbeError::Denied)?
}

fn unanswered(error: &RawMessageError) -> ProbeError {
    ProbeError::Refused { what: READ, reason: error.to_string() }
}

fn stored(message: StreamMessage) -> StoredMessage {
    let header = |name: &str| message.headers.get_last(name).map(|value| value.as_str().to_owned());
    StoredMessage {
        seq: message.sequence.into(),
        subject: message.subject.to_string(),
        message_id: header(MESSAGE_ID),
        mark: header(LEDGER),
        source: header(CE_SOURCE),
        payload: message.payload,
    }
}
