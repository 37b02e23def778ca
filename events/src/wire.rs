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
    /// The subject on which the event is published.
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
    /// The event's number among those about the account: from 1, without gaps, in commit order.
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
    /// When `user` is `None` and the event must be about a known account.
    pub fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        let definition = self.event.kind().definition();
        if definition.about_known_user && self.user.is_none() {
            return Err(serde_json::Error::custom(format_args!("{} must name its user", definition.subject)));
        }
        serde_json::to_vec(&Body {
            id: self.id,
            subject: definition.subject,
            schema_version: definition.version,
            data: Data {
                user_id: self.user.map(|user| user.id),
                timestamp: Timestamp(self.timestamp),
                user_seq: self.user.map(|user| user.seq),
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
