//! A message as a subscriber reads it.

use serde::Deserialize;
use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use crate::catalogue::{AuthEvent, EventKind};
use crate::event::{Actor, Event, Metadata, UserRef};

/// A message read from the stream.
///
/// The service may be newer than its readers: an event this crate does not know has `event: None`, and
/// fields it does not know are still there under [`Received::data`] and [`Received::raw`].
#[derive(Clone, Debug, PartialEq)]
pub struct Received {
    /// The event's id; recognise repeated messages by it.
    pub id: Uuid,
    /// The subject, such as `auth.user.logged_in`.
    pub subject: String,
    /// The major version of the event's schema.
    pub schema_version: u32,
    /// When it happened.
    pub timestamp: OffsetDateTime,
    /// The account it is about, if it is about a known one.
    pub user: Option<UserRef>,
    /// Who did it, when it was not the user.
    pub actor: Option<Actor>,
    /// What happened; `None` for an event or a major version this crate does not know.
    pub event: Option<AuthEvent>,
    /// Where it comes from.
    pub metadata: Metadata,
    raw: Value,
}

/// Why a message body is not an event.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The body is not JSON.
    #[error("the body is not JSON")]
    Json(#[source] serde_json::Error),
    /// The body is JSON, but not an event's envelope.
    #[error("the body is not an event")]
    Envelope(#[source] serde_json::Error),
    /// `data.timestamp` is not an RFC 3339 time.
    #[error("data.timestamp is not an RFC 3339 time")]
    Timestamp(#[source] time::error::Parse),
    /// The event has to be about a known account, and `data.userId` or `data.userSeq` is missing.
    #[error("{subject} does not say whom it is about")]
    MissingUser {
        /// The event's subject.
        subject: &'static str,
    },
    /// The fields of a known event are not what its schema says.
    #[error("the data of {subject} does not match its schema")]
    Payload {
        /// The event's subject.
        subject: &'static str,
        /// Which field, and why.
        #[source]
        source: serde_json::Error,
    },
    /// The event, or its major version, is not in this crate's catalogue.
    #[error("{subject} version {version} is not in the catalogue")]
    UnknownEvent {
        /// The event's subject.
        subject: String,
        /// The event's major version.
        version: u32,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    id: Uuid,
    subject: String,
    schema_version: u32,
    data: Head,
    metadata: Metadata,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    user_id: Option<Uuid>,
    timestamp: String,
    user_seq: Option<i64>,
    actor: Option<Actor>,
}

impl Received {
    /// Reads a message body.
    ///
    /// # Errors
    /// When the body is not JSON, not an event, or a known event whose fields are not what its schema says.
    /// An unknown event is not an error.
    pub fn from_json(body: &[u8]) -> Result<Self, DecodeError> {
        let raw: Value = serde_json::from_slice(body).map_err(DecodeError::Json)?;
        let envelope = Envelope::deserialize(&raw).map_err(DecodeError::Envelope)?;
        let Envelope {
            id,
            subject,
            schema_version,
            data: head,
            metadata,
        } = envelope;
        let timestamp = OffsetDateTime::parse(&head.timestamp, &Rfc3339).map_err(DecodeError::Timestamp)?;
        let user = head.user_id.zip(head.user_seq).map(|(id, seq)| UserRef { id, seq });
        let event = known_event(&subject, schema_version, user, object(&raw, "data"))?;
        Ok(Self {
            id,
            subject,
            schema_version,
            timestamp,
            user,
            actor: head.actor,
            event,
            metadata,
            raw,
        })
    }

    /// The event's `data` as it came, with the fields this crate does not know.
    #[must_use]
    pub fn data(&self) -> &Map<String, Value> {
        object(&self.raw, "data")
    }

    /// The whole body as it came.
    #[must_use]
    pub const fn raw(&self) -> &Value {
        &self.raw
    }

    /// Which event this is, if this crate knows it.
    #[must_use]
    pub fn kind(&self) -> Option<EventKind> {
        self.event.as_ref().map(AuthEvent::kind)
    }
}

fn known_event(
    subject: &str,
    version: u32,
    user: Option<UserRef>,
    data: &Map<String, Value>,
) -> Result<Option<AuthEvent>, DecodeError> {
    let Some(kind) = EventKind::from_subject(subject).filter(|kind| kind.version() == version) else {
        return Ok(None);
    };
    let subject = kind.subject();
    if kind.definition().about_known_user && user.is_none() {
        return Err(DecodeError::MissingUser { subject });
    }
    kind.decode(data)
        .map(Some)
        .map_err(|source| DecodeError::Payload { subject, source })
}

/// The object under `key`; an empty one when there is none, which the envelope has already refused.
fn object<'a>(raw: &'a Value, key: &str) -> &'a Map<String, Value> {
    static NOTHING: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
    raw.get(key).and_then(Value::as_object).unwrap_or(&NOTHING)
}

impl TryFrom<Received> for Event {
    type Error = DecodeError;

    fn try_from(received: Received) -> Result<Self, Self::Error> {
        let Received {
            id,
            subject,
            schema_version,
            timestamp,
            user,
            actor,
            event,
            metadata,
            ..
        } = received;
        let event = event.ok_or(DecodeError::UnknownEvent {
            subject,
            version: schema_version,
        })?;
        Ok(Self {
            id,
            timestamp,
            user,
            actor,
            event,
            metadata,
        })
    }
}
