//! Events in responses: the exact bytes of the ledger, joined and never serialized again.

use std::collections::BTreeMap;
use std::marker::PhantomData;

use poem::{IntoResponse, Response};
use poem_openapi::payload::Payload;
use poem_openapi::registry::{MetaSchemaRef, Registry};
use poem_openapi::types::Type;
use poem_openapi::{ApiResponse, Object};
use serde_json::Value;
use uuid::Uuid;

use crate::actions::events::list::Page;
use crate::http::cursor;

/// An event, byte for byte as it is published. The JSON Schema at
/// `/schemas/{subject}/{schemaVersion}.json` describes its `data`. Readers ignore fields that they
/// do not know.
#[derive(Object)]
#[oai(rename = "Event", rename_all = "camelCase")]
pub struct EventBody {
    /// `UUIDv7`; the `Nats-Msg-Id` of the message. Ids are in the order of time.
    id: Uuid,
    /// What happened: `auth.user.<event>` to an account, `auth.custom.<name>` according to an
    /// application, `auth.system.<event>` about no account.
    subject: String,
    /// The major version of the event's schema.
    schema_version: u32,
    /// `timestamp`, `userId` if the event is about a known account, `userSeq` if it happened to
    /// that account, and the fields of this event. `userSeq` numbers the account's events from 1 in
    /// the order of their commits.
    data: BTreeMap<String, Value>,
    /// The source of the event: `service`, `version`, `environment`, and the request that caused
    /// it.
    metadata: BTreeMap<String, Value>,
}

/// One page of events.
#[derive(Object)]
#[oai(rename = "EventPage", rename_all = "camelCase")]
pub struct EventPage {
    /// In the order of the ledger, newest first unless `order` says otherwise.
    events: Vec<EventBody>,
    /// Cursor of the next page: send it as `after`. Absent on the last page.
    #[oai(skip_serializing_if_is_none, validator(max_length = 512))]
    next: Option<String>,
    /// Cursor of the end of the ledger when this page was read. `/events/stream` continues from
    /// there: with that of the last page when the pages are oldest first, and that of the first
    /// page when they are newest first, no event is missing and none comes twice.
    #[oai(validator(max_length = 512))]
    position: String,
}

/// `200` with stored bytes, documented as a `T`.
#[derive(ApiResponse)]
pub enum Stored<T: Type> {
    /// OK
    #[oai(status = 200)]
    Ok(StoredJson<T>),
}

/// JSON made of stored bytes, documented as a `T`.
pub struct StoredJson<T> {
    json: Vec<u8>,
    documented_as: PhantomData<T>,
}

impl<T: Type> Stored<T> {
    const fn new(json: Vec<u8>) -> Self {
        Self::Ok(StoredJson { json, documented_as: PhantomData })
    }
}

impl Stored<EventBody> {
    pub const fn event(payload: Vec<u8>) -> Self {
        Self::new(payload)
    }
}

impl Stored<EventPage> {
    pub fn page(page: &Page) -> Self {
        let mut json = br#"{"events":["#.to_vec();
        json.extend(page.events.join(&b','));
        json.push(b']');
        // A cursor has no character that JSON escapes.
        if let Some(next) = page.next {
            json.extend(format!(r#","next":"{}""#, cursor::of_ledger(next)).bytes());
        }
        json.extend(format!(r#","position":"{}"}}"#, cursor::of_ledger(page.position)).bytes());
        Self::new(json)
    }
}

impl<T: Type> Payload for StoredJson<T> {
    const CONTENT_TYPE: &'static str = "application/json";

    fn schema_ref() -> MetaSchemaRef {
        T::schema_ref()
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

impl<T: Type> IntoResponse for StoredJson<T> {
    fn into_response(self) -> Response {
        Response::builder().content_type(Self::CONTENT_TYPE).body(self.json)
    }
}
