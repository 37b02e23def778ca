//! Events in answers: the bytes of the ledger, put together and never written anew.

use std::collections::BTreeMap;
use std::marker::PhantomData;

use poem::{IntoResponse, Response};
use poem_openapi::Object;
use poem_openapi::payload::Payload;
use poem_openapi::registry::{MetaSchemaRef, Registry};
use poem_openapi::types::Type;
use serde_json::Value;
use uuid::Uuid;

use crate::actions::events::list::Page;

/// An event, byte for byte as it is published. What stands in `data` is told by the JSON Schema of its subject and version, at
/// `/schemas/{subject}/{schemaVersion}.json`; fields that a reader does not know are to be ignored.
#[derive(Object)]
#[oai(rename = "Event", rename_all = "camelCase")]
pub struct EventBody {
    /// `UUIDv7`; the message's `Nats-Msg-Id`. Ids are in the order of time.
    id: Uuid,
    /// What happened: `auth.user.<event>`.
    subject: String,
    /// The major version of the event's schema.
    schema_version: u32,
    /// `timestamp`; `userId` and `userSeq` when it is about a known account; and what is the event's own.
    data: BTreeMap<String, Value>,
    /// Where the event comes from: `service`, `version`, `environment`, and the request behind it.
    metadata: BTreeMap<String, Value>,
}

/// A part of a list of events.
#[derive(Object)]
#[oai(rename = "EventPage", rename_all = "camelCase")]
pub struct EventPage {
    /// Newest first.
    events: Vec<EventBody>,
    /// Where the next page begins: send it as `after`. Absent at the end.
    #[oai(skip_serializing_if_is_none)]
    next: Option<Uuid>,
}

/// JSON that was put together from stored bytes, described as a `T`.
pub struct Stored<T> {
    json: Vec<u8>,
    described_as: PhantomData<T>,
}

impl Stored<EventBody> {
    /// One event.
    pub const fn event(payload: Vec<u8>) -> Self {
        Self {
            json: payload,
            described_as: PhantomData,
        }
    }
}

impl Stored<EventPage> {
    /// A page.
    pub fn page(page: &Page) -> Self {
        let mut json = br#"{"events":["#.to_vec();
        json.extend(page.events.join(&b','));
        json.push(b']');
        if let Some(next) = page.next {
            json.extend(format!(r#","next":"{next}""#).bytes());
        }
        json.push(b'}');
        Self {
            json,
            described_as: PhantomData,
        }
    }
}

impl<T: Type> Payload for Stored<T> {
    const CONTENT_TYPE: &'static str = "application/json; charset=utf-8";

    fn schema_ref() -> MetaSchemaRef {
        T::schema_ref()
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

impl<T: Type> IntoResponse for Stored<T> {
    fn into_response(self) -> Response {
        Response::builder()
            .content_type("application/json; charset=utf-8")
            .body(self.json)
    }
}
