//! The layout of a message body. The same types define the bytes and their schema.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde::ser::Error as _;
use uuid::Uuid;

use crate::catalogue::{EventKind, for_each_event};
use crate::event::{Actor, Event, Metadata};
use crate::payload;
use crate::timestamp::Timestamp;

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Body<'a, P> {
    /// The event's UUIDv7, also `Nats-Msg-Id` and `ce-id`. Deduplicate by it.
    id: Uuid,
    /// The event's name. A message is published on the subject of this name; a replay, or an import
    /// from another account of NATS, may deliver it on another one.
    subject: &'a str,
    /// The major version of this schema, also the `.vN` of `ce-type`.
    schema_version: u32,
    /// The event's fields.
    data: Data<'a, P>,
    /// Which service and request recorded the event.
    metadata: &'a Metadata,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Data<'a, P> {
    /// The account that the event is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<Uuid>,
    /// When the event happened.
    timestamp: Timestamp,
    /// The event's number among what happened to the account: from 1, without gaps, in commit
    /// order. Events of applications have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    user_seq: Option<i64>,
    /// Who acted, if it was not the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<&'a Actor>,
    #[serde(flatten)]
    payload: &'a P,
}

impl Event {
    /// Returns the message body: compact JSON, exactly the bytes that are stored and published.
    ///
    /// # Errors
    /// When `user` is `None` and the event must be about a known account, or its `seq` is missing
    /// or not allowed.
    pub fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        let definition = self.event.kind().definition();
        let wrong = |what: &str| serde_json::Error::custom(format_args!("{} {what}", definition.subject));
        match self.user {
            None if definition.about_known_user => return Err(wrong("must name its user")),
            Some(user) if user.seq.is_some() != definition.is_numbered() => {
                return Err(wrong("must have a userSeq if it is about what happened to the account, and only then"));
            }
            _ => {}
        }
        serde_json::to_vec(&Body {
            id: self.id,
            subject: &self.event.subject(),
            schema_version: definition.version,
            data: Data {
                user_id: self.user.map(|user| user.id),
                timestamp: Timestamp(self.timestamp),
                user_seq: self.user.and_then(|user| user.seq),
                actor: self.actor.as_ref(),
                payload: &self.event,
            },
            metadata: &self.metadata,
        })
    }
}

/// Returns the schema of an event's message body, before [`crate::schema::document`] completes it.
pub(crate) fn body_schema(kind: EventKind, generator: &mut SchemaGenerator) -> Schema {
    macro_rules! schema_of {
        ($($kind:ident)+) => {
            match kind {
                $(EventKind::$kind => Body::<'_, payload::$kind>::json_schema(generator),)+
            }
        };
    }
    for_each_event!(schema_of)
}
