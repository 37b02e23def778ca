//! An event as a subscriber reads it.

use std::error::Error;

use serde::Deserialize;
use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use crate::catalogue::{AuthEvent, EventKind};
use crate::event::{Actor, Event, Metadata, UserRef};

/// An event read from the stream.
///
/// The service may be newer than its readers. For an event that this crate does not know,
/// [`ReceivedEvent::event`] is `None`. [`ReceivedEvent::data`] and [`ReceivedEvent::raw`] keep
/// fields that it does not know.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ReceivedEvent {
    /// The event's id. Deduplicate by it.
    pub id: Uuid,
    /// The event's name, such as `auth.user.logged_in`: the subject that it was first published on.
    pub subject: String,
    /// The major version of the event's schema.
    pub schema_version: u32,
    /// When the event happened.
    pub timestamp: OffsetDateTime,
    /// The account that the event is about, if it is known.
    pub user: Option<UserRef>,
    /// Who acted, if it was not the user.
    pub actor: Option<Actor>,
    /// The event with its payload. `None` for an event or a major version that this crate does not
    /// know.
    pub event: Option<AuthEvent>,
    /// Which service and request recorded the event.
    pub metadata: Metadata,
    raw: Value,
}

/// Why a message body cannot be read as an event.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The body is not JSON.
    #[error("the body is not JSON")]
    Json(#[source] Box<dyn Error + Send + Sync>),
    /// The body is JSON, but not the envelope of an event.
    #[error("the body is not an event")]
    Envelope(#[source] Box<dyn Error + Send + Sync>),
    /// `data.timestamp` is not an RFC 3339 time.
    #[error("data.timestamp is not an RFC 3339 time")]
    Timestamp(#[source] Box<dyn Error + Send + Sync>),
    /// The event must be about a known account, and `data.userId` or `data.userSeq` is missing.
    #[error("{subject} has no data.userId or no data.userSeq")]
    MissingUser {
        /// The event's subject.
        subject: &'static str,
    },
    /// The fields of a known event do not match its schema.
    #[error("the data of {subject} does not match its schema")]
    Payload {
        /// The event's subject.
        subject: &'static str,
        /// The field, and what is wrong with it.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The event or its major version is not in this crate's catalogue.
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

impl ReceivedEvent {
    /// Reads a message body.
    ///
    /// # Errors
    /// When the body is not JSON, not the envelope of an event, or a known event whose fields do
    /// not match its schema. An unknown event is not an error.
    pub fn from_json(body: &[u8]) -> Result<Self, DecodeError> {
        let raw: Value = serde_json::from_slice(body).map_err(|error| DecodeError::Json(error.into()))?;
        let envelope = Envelope::deserialize(&raw).map_err(|error| DecodeError::Envelope(error.into()))?;
        let Envelope { id, subject, schema_version, data: head, metadata } = envelope;
        let timestamp =
            OffsetDateTime::parse(&head.timestamp, &Rfc3339).map_err(|error| DecodeError::Timestamp(error.into()))?;
        let user = head.user_id.map(|id| UserRef { id, seq: head.user_seq });
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

    /// Returns the event's `data` as received, including fields that this crate does not know.
    #[must_use]
    pub fn data(&self) -> &Map<String, Value> {
        object(&self.raw, "data")
    }

    /// Returns the whole body as received.
    #[must_use]
    pub const fn raw(&self) -> &Value {
        &self.raw
    }

    /// Returns the event without its payload, if this crate knows it.
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
    let definition = kind.definition();
    let is_missing = match user {
        Some(user) => definition.is_numbered() && user.seq.is_none(),
        None => definition.about_known_user,
    };
    if is_missing {
        return Err(DecodeError::MissingUser { subject });
    }
    kind.decode(data)
        .map(Some)
        .map_err(|error| DecodeError::Payload { subject, source: error.into() })
}

/// Returns the object under `key`. Decoding the envelope has refused a body without it.
fn object<'a>(raw: &'a Value, key: &str) -> &'a Map<String, Value> {
    static EMPTY: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
    raw.get(key).and_then(Value::as_object).unwrap_or(&EMPTY)
}

impl TryFrom<ReceivedEvent> for Event {
    type Error = DecodeError;

    fn try_from(received: ReceivedEvent) -> Result<Self, DecodeError> {
        let ReceivedEvent {
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
        let event = event.ok_or(DecodeError::UnknownEvent { subject, version: schema_version })?;
        Ok(Self { id, timestamp, user, actor, event, metadata })
    }
}

impl Event {
    /// Reads a body that [`Event::to_json`] wrote.
    ///
    /// # Errors
    /// [`DecodeError::UnknownEvent`] for an event or a major version that this crate does not know;
    /// otherwise the errors of [`ReceivedEvent::from_json`].
    pub fn from_json(body: &[u8]) -> Result<Self, DecodeError> {
        ReceivedEvent::from_json(body)?.try_into()
    }
}
