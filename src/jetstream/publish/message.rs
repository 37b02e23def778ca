//! What is published: an event, the message that carries it, and the service that it comes from.

use async_nats::HeaderMap;
use bytes::Bytes;
use time::OffsetDateTime;
use watchword_events::schema;

use crate::config::Settings;
use crate::domain::ids::{EventId, UserId, UserSeq};
use crate::security::LedgerPlace;

#[derive(Clone, Debug)]
pub struct OutgoingEvent {
    /// Where it stands in the ledger.
    pub place: LedgerPlace,
    /// Sent as `Nats-Msg-Id`.
    pub id: EventId,
    /// The event's name, and in the event stream its subject.
    pub subject: String,
    /// The major version of the event's schema.
    pub version: u32,
    /// The user it is about.
    pub user_id: Option<UserId>,
    /// Its number among what happened to the user.
    pub user_seq: Option<UserSeq>,
    pub occurred_at: OffsetDateTime,
    /// The W3C trace context of the request that caused it.
    pub traceparent: Option<String>,
    pub payload: Bytes,
}

/// An event as it is sent, apart from what says behind which message it is stored.
#[derive(Clone, Debug)]
pub struct OutgoingMessage {
    /// `Nats-Msg-Id`.
    pub(crate) id: String,
    pub(crate) subject: String,
    pub(crate) headers: HeaderMap,
    pub(crate) payload: Bytes,
}

impl OutgoingMessage {
    /// The bytes of headers and body, as the server counts them.
    pub(crate) fn size(&self) -> usize {
        const START: usize = "NATS/1.0\r\n\r\n".len();
        const BETWEEN: usize = ": \r\n".len();
        let of_header = |name: usize, value: usize| name + BETWEEN + value;
        let headers = self.headers.iter().flat_map(|(name, values)| {
            let name: &str = name.as_ref();
            values.iter().map(move |value| of_header(name.len(), value.as_str().len()))
        });
        START + headers.sum::<usize>() + self.payload.len()
    }
}

/// What the headers of every message say about its source.
#[derive(Clone, Debug)]
pub struct Source {
    /// The installation, `ce-source`.
    pub uri: String,
    /// The URL before `/schemas/…`.
    pub schema_base: String,
}

impl Source {
    pub(crate) fn of(settings: &Settings) -> Self {
        Self {
            uri: settings.event_source(),
            schema_base: settings.events.schema_base_url.clone().unwrap_or_else(|| schema::BASE_URL.to_owned()),
        }
    }
}
