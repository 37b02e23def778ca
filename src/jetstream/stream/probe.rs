//! Requests about what the stream holds.

use async_nats::jetstream::{
    message::StreamMessage,
    stream::{DirectGetErrorKind, RawMessageErrorKind},
};
use uuid::Uuid;
use watchword_events::headers::MESSAGE_ID;

use super::provision::{self, StreamUnusable};
use crate::domain::ids::StreamSeq;
use crate::jetstream::{
    connection::{ConnectionState, StreamFacts},
    error::ProbeError,
};

const READ: &str = "read a message";

/// What is stored at a sequence of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    Nothing,
    /// A message with the id of an event.
    Event(Uuid),
    /// A message that is none of our events: its `Nats-Msg-Id` is missing or no event id.
    Other,
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
        Ok(Some(info)) => Ok(StreamFacts::new(&info, version, 0, Vec::new())),
        Ok(None) => Err(ProbeError::NoStream),
        Err(StreamUnusable::Later(error) | StreamUnusable::Missing(error)) => Err(error),
        Err(StreamUnusable::Fault(fault)) => Err(refused(fault.to_string())),
    }
}

/// Read what is stored at a sequence.
pub(crate) async fn message_at(state: &ConnectionState, seq: StreamSeq) -> Result<Stored, ProbeError> {
    let ours =
        |subject: &str| subject.starts_with("$JS.API.DIRECT.GET.") || subject.starts_with("$JS.API.STREAM.MSG.GET.");
    let read = state.permissions.race(ours, read(state, seq));
    read.await.map_err(ProbeError::Denied)?
}

async fn read(state: &ConnectionState, seq: StreamSeq) -> Result<Stored, ProbeError> {
    let direct = state.usable().is_some_and(|facts| facts.direct);
    let connection = state.connected()?;
    let refused = |reason: String| ProbeError::Refused { what: READ, reason };
    let stream = connection
        .context
        .get_stream_no_info(&state.desired.name)
        .await
        .map_err(|error| refused(error.to_string()))?;
    if direct {
        return match stream.direct_get(seq.get()).await {
            Ok(message) => Ok(stored(&message)),
            Err(error) => match error.kind() {
                DirectGetErrorKind::NotFound => Ok(Stored::Nothing),
                DirectGetErrorKind::TimedOut => Err(ProbeError::TimedOut(READ)),
                _ => Err(refused(error.to_string())),
            },
        };
    }
    match stream.get_raw_message(seq.get()).await {
        Ok(message) => Ok(stored(&message)),
        Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => Ok(Stored::Nothing),
        Err(error) => Err(refused(error.to_string())),
    }
}

fn stored(message: &StreamMessage) -> Stored {
    let id = message.headers.get_last(MESSAGE_ID).and_then(|id| id.as_str().parse::<Uuid>().ok());
    id.map_or(Stored::Other, Stored::Event)
}
