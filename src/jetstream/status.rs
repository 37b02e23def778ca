//! What is known about the connection and the stream, for `/readyz`, the metrics and the relay.

use std::time::Duration;

use async_nats::jetstream::stream::Info;
use time::OffsetDateTime;

use super::{drift::Drift, error::StreamFault, version::ServerVersion};

/// The state of the NATS connection and of the event stream, as last seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NatsStatus {
    /// Whether the connection is up now.
    pub connected: bool,
    /// How many times the connection has come up since the start: a new number means "reconnected".
    pub connections: u64,
    /// Where the server is, without credentials. `None` until the embedded server has a port.
    pub server_url: Option<String>,
    /// The version the server reported, once connected.
    pub server_version: Option<String>,
    /// The event stream.
    pub stream: StreamState,
}

impl NatsStatus {
    /// The facts of a usable stream on a live connection, else `None`: events then wait in the ledger.
    #[must_use]
    pub fn ready(&self) -> Option<&StreamFacts> {
        match &self.stream {
            StreamState::Ok(facts) if self.connected => Some(facts),
            _ => None,
        }
    }
}

/// The event stream, as last seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum StreamState {
    /// Not looked at yet, or not since the connection was lost.
    #[default]
    Unknown,
    /// There, and fit to take events.
    Ok(StreamFacts),
    /// Not there (it is created again as soon as the server lets us).
    Missing,
    /// There is something that must not or cannot take events. Nothing is published; an operator has to act.
    Fault(StreamFault),
}

/// What the relay needs to know about a usable stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamFacts {
    /// When the stream was made: another time is another stream under the same name.
    pub created: OffsetDateTime,
    /// The lowest sequence still stored.
    pub first_seq: u64,
    /// The highest sequence ever given, by this stream.
    pub last_seq: u64,
    /// Counts the looks at the stream since the start.
    pub sample: u64,
    /// Messages older than this are gone on purpose. `None`: no limit.
    pub max_age: Option<Duration>,
    /// No more messages than this are kept. `None`: no limit.
    pub max_msgs: Option<u64>,
    /// A message larger than this many bytes (headers included) is refused. `None`: no limit.
    pub max_msg_size: Option<usize>,
    /// Whether atomic batches are allowed by the stream and known by the server (2.12.1).
    pub atomic: bool,
    /// Whether a message is best read with a direct get: allowed, and one replica only, since a
    /// replica that lags behind would answer "not there" for a message that is.
    pub direct: bool,
    /// Where the stream differs from the definition.
    pub drift: Vec<Drift>,
}

impl StreamFacts {
    /// The facts in a stream's information.
    pub(crate) fn new(info: &Info, server: ServerVersion, sample: u64, drift: Vec<Drift>) -> Self {
        let config = &info.config;
        Self {
            created: info.created,
            first_seq: info.state.first_sequence,
            last_seq: info.state.last_sequence,
            sample,
            max_age: Some(config.max_age).filter(|age| !age.is_zero()),
            max_msgs: positive(config.max_messages),
            max_msg_size: positive(config.max_message_size).and_then(|size| usize::try_from(size).ok()),
            atomic: config.allow_atomic_publish && server >= ServerVersion::ATOMIC_BATCH,
            direct: config.allow_direct && config.num_replicas <= 1,
            drift,
        }
    }
}

/// A limit, when it is one: the server writes "none" as -1, and takes 0 for it too.
fn positive(limit: impl Into<i64>) -> Option<u64> {
    u64::try_from(limit.into()).ok().filter(|limit| *limit > 0)
}
