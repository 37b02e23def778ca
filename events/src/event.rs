//! The envelope around an event.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::catalogue::AuthEvent;
use crate::received::{DecodeError, Received};
use crate::wire;

/// One event as the service records and publishes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// UUIDv7; also `Nats-Msg-Id` and `ce-id`. What readers recognise repeated messages by.
    pub id: Uuid,
    /// When it happened. Milliseconds on the wire.
    pub timestamp: OffsetDateTime,
    /// The account it is about; `login_failed` and `password_reset_requested` may have none, `rate_limited` has none.
    pub user: Option<UserRef>,
    /// Who did it, when it was not the user; in `custom` always.
    pub actor: Option<Actor>,
    /// What happened.
    pub event: AuthEvent,
    /// Where it comes from.
    pub metadata: Metadata,
}

/// An account and the event's place among the account's own events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UserRef {
    /// The account.
    pub id: Uuid,
    /// Counts the account's events from 1, without gaps, in the order they were committed.
    pub seq: i64,
}

/// Who did something, when it was not the user the event is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Actor {
    /// Another user.
    User {
        /// The user's id.
        id: Uuid,
    },
    /// An administrator.
    Admin {
        /// The administrator's user id.
        id: Uuid,
    },
    /// Another service.
    Service {
        /// The service's client id.
        id: String,
    },
    /// The auth service itself, such as a clean-up.
    System,
}

/// Where an event comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    /// The name of the publishing service (`events.service`).
    pub service: String,
    /// The version of the publishing service.
    pub version: String,
    /// The environment it runs in (`events.environment`).
    pub environment: String,
    /// The id of the HTTP request that caused the event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The W3C `traceparent` of the request that caused the event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// Where the JSON Schema of the message is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataschema: Option<String>,
}

impl Event {
    /// The message body: compact JSON, exactly the bytes that are stored and published.
    ///
    /// # Errors
    /// When the event has to be about a known account and `user` is `None`.
    pub fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        wire::encode(self)
    }

    /// Reads back what [`Event::to_json`] wrote. Subscribers read a [`Received`] instead, which keeps what
    /// this version of the crate does not know.
    ///
    /// # Errors
    /// [`DecodeError::UnknownEvent`] for an event or a major version this crate does not know; otherwise
    /// what [`Received::from_json`] refuses.
    pub fn from_json(body: &[u8]) -> Result<Self, DecodeError> {
        Received::from_json(body)?.try_into()
    }
}
