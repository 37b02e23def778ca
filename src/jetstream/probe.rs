//! Questions about what is stored.

use async_nats::jetstream::{
    message::StreamMessage,
    stream::{DirectGetErrorKind, RawMessageErrorKind},
};
use uuid::Uuid;
use watchword_events::headers::MESSAGE_ID;

use super::{
    connection::Shared,
    error::ProbeError,
    provision::{self, Unfit},
    publisher::Stored,
    status::StreamFacts,
};

const READ: &str = "read a message";

/// Where the stream is now.
pub(crate) async fn position(shared: &Shared) -> Result<StreamFacts, ProbeError> {
    let link = shared.connected()?;
    let refused = |reason: String| ProbeError::Refused {
        what: "stream info",
        reason,
    };
    let version =
        provision::check_version(&link.client.server_info().version).map_err(|old| refused(old.to_string()))?;
    let ours = |subject: &str| subject.starts_with(provision::INFO);
    let found = shared
        .denials
        .or(ours, provision::find(&link.context, &shared.desired.name));
    match found.await.map_err(ProbeError::Denied)? {
        Ok(Some(info)) => Ok(StreamFacts::new(&info, version, 0, Vec::new())),
        Ok(None) => Err(ProbeError::NoStream),
        Err(Unfit::Later(error) | Unfit::Missing(error)) => Err(error),
        Err(Unfit::Fault(fault)) => Err(refused(fault.to_string())),
    }
}

/// What is stored at a sequence.
pub(crate) async fn message_at(shared: &Shared, seq: u64) -> Result<Stored, ProbeError> {
    let ours =
        |subject: &str| subject.starts_with("$JS.API.DIRECT.GET.") || subject.starts_with("$JS.API.STREAM.MSG.GET.");
    let read = shared.denials.or(ours, read(shared, seq));
    read.await.map_err(ProbeError::Denied)?
}

async fn read(shared: &Shared, seq: u64) -> Result<Stored, ProbeError> {
    let direct = shared.usable().is_some_and(|facts| facts.direct);
    let link = shared.connected()?;
    let refused = |reason: String| ProbeError::Refused { what: READ, reason };
    let stream = link
        .context
        .get_stream_no_info(&shared.desired.name)
        .await
        .map_err(|error| refused(error.to_string()))?;
    if direct {
        return match stream.direct_get(seq).await {
            Ok(message) => Ok(stored(&message)),
            Err(error) => match error.kind() {
                DirectGetErrorKind::NotFound => Ok(Stored::Nothing),
                DirectGetErrorKind::TimedOut => Err(ProbeError::TimedOut(READ)),
                _ => Err(refused(error.to_string())),
            },
        };
    }
    match stream.get_raw_message(seq).await {
        Ok(message) => Ok(stored(&message)),
        Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => Ok(Stored::Nothing),
        Err(error) => Err(refused(error.to_string())),
    }
}

fn stored(message: &StreamMessage) -> Stored {
    let id = message
        .headers
        .get_last(MESSAGE_ID)
        .and_then(|id| id.as_str().parse::<Uuid>().ok());
    id.map_or(Stored::Other, Stored::Event)
}
