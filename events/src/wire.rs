//! How an event is laid out in a message body. The same types give the bytes and their schema.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde::ser::Error as _;
use uuid::Uuid;

use crate::event::{Actor, Event, Metadata};
use crate::timestamp::Timestamp;

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Body<'a, P> {
    /// UUIDv7; also `Nats-Msg-Id` and `ce-id`. Recognise repeated messages by it.
    id: Uuid,
    /// The subject the event is published on.
    subject: &'a str,
    /// The major version of this schema; also the `.vN` of `ce-type`.
    schema_version: u32,
    /// What happened.
    data: Data<'a, P>,
    /// Where the event comes from.
    metadata: &'a Metadata,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Data<'a, P> {
    /// The account the event is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<Uuid>,
    /// When it happened.
    timestamp: Timestamp,
    /// Counts the account's events from 1, without gaps, in the order they were committed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    user_seq: Option<i64>,
    /// Who did it, when it was not the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<&'a Actor>,
    #[serde(flatten)]
    payload: &'a P,
}

pub(crate) fn encode(event: &Event) -> Result<Vec<u8>, serde_json::Error> {
    let definition = event.event.kind().definition();
    if definition.about_known_user && event.user.is_none() {
        return Err(serde_json::Error::custom(format_args!(
            "{} has to name its user",
            definition.subject
        )));
    }
    serde_json::to_vec(&Body {
        id: event.id,
        subject: definition.subject,
        schema_version: definition.version,
        data: Data {
            user_id: event.user.map(|user| user.id),
            timestamp: Timestamp(event.timestamp),
            user_seq: event.user.map(|user| user.seq),
            actor: event.actor.as_ref(),
            payload: &event.event,
        },
        metadata: &event.metadata,
    })
}

pub(crate) fn body_schema<P: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    Body::<'_, P>::json_schema(generator)
}
