//! What is known about the connection and the stream, for `/readyz`, the metrics and the relay.

use std::time::Duration;

use async_nats::jetstream::stream::Info;
use time::OffsetDateTime;

use super::version::ServerVersion;
use crate::domain::ids::StreamSeq;
use crate::jetstream::{
    error::StreamFault,
    stream::{
        Drift,
        consumer_lag::{TYPICAL_MESSAGE_BYTES, capacity},
        covers,
    },
};

/// The NATS connection and the event stream, as last seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NatsStatus {
    pub connected: bool,
    /// How many times the connection has come up since the start: a new number means "reconnected".
    pub connections: u64,
    /// Without credentials. `None` until the embedded server has a port.
    pub server_url: Option<String>,
    pub server_version: Option<String>,
    pub stream: StreamState,
}

impl NatsStatus {
    /// The facts of a usable stream on a live connection. `None`: events wait in the ledger.
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
    /// Not checked yet, or not since the connection was lost.
    #[default]
    Unknown,
    /// It exists and takes events.
    Ok(StreamFacts),
    /// It does not exist. It is created as soon as the server allows it.
    Missing,
    /// It must not or cannot take events. Nothing is published until an operator acts.
    Fault(StreamFault),
}

/// What the relay needs to know about a usable stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamFacts {
    /// When the stream was created: another time is another stream of the same name.
    pub created: OffsetDateTime,
    /// The lowest sequence still stored.
    pub first_seq: StreamSeq,
    /// The highest sequence ever assigned by this stream.
    pub last_seq: StreamSeq,
    /// Messages older than this are discarded. `None`: no limit.
    pub max_age: Option<Duration>,
    /// `None`: no limit.
    pub max_msgs: Option<u64>,
    /// `None`: no limit.
    pub max_bytes: Option<u64>,
    /// The largest message in bytes, headers included. `None`: no limit.
    pub max_msg_size: Option<usize>,
    /// Whether the stream allows atomic batches and the server supports them (2.12.2).
    pub atomic: bool,
    /// The subjects that the stream takes, as patterns.
    pub subjects: Vec<String>,
    /// Where the stream differs from the definition.
    pub drift: Vec<Drift>,
}

impl StreamFacts {
    /// Whether the stream takes a subject.
    #[must_use]
    pub fn takes(&self, subject: &str) -> bool {
        self.subjects.iter().any(|pattern| covers(pattern, subject))
    }

    /// How many messages the stream holds at least. `None`: there is no limit.
    #[must_use]
    pub fn capacity(&self) -> Option<u64> {
        capacity(self.max_msgs, self.max_bytes, TYPICAL_MESSAGE_BYTES)
    }

    pub(crate) fn new(info: &Info, server: ServerVersion, drift: Vec<Drift>) -> Self {
        let config = &info.config;
        Self {
            created: info.created,
            first_seq: info.state.first_sequence.into(),
            last_seq: info.state.last_sequence.into(),
            max_age: Some(config.max_age).filter(|age| !age.is_zero()),
            max_msgs: limit(config.max_messages),
            max_bytes: limit(config.max_bytes),
            max_msg_size: limit(config.max_message_size).and_then(|size| usize::try_from(size).ok()),
            atomic: config.allow_atomic_publish && server >= ServerVersion::ATOMIC_BATCH,
            subjects: config.subjects.clone(),
            drift,
        }
    }
}

/// The server writes "no limit" as -1, and reads 0 as the same.
fn limit(value: impl Into<i64>) -> Option<u64> {
    u64::try_from(value.into()).ok().filter(|limit| *limit > 0)
}
