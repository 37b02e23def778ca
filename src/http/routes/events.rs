//! POST /events.

use std::collections::BTreeMap;

use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::Tag;
use super::body::Fields;
use super::refusals::{ALWAYS, BEARER, BODY, refusals};
use crate::actions::record_custom::{self, Input};
use crate::domain::custom_event::{Attributes, CustomName};
use crate::http::api::{Api, failure};
use crate::http::bearer::BearerToken;
use crate::http::middleware::RequestContext;
use crate::http::payload::StrictJson;
use crate::http::problem::{FieldError, Problem, ProblemCode};

/// Something that the application wants remembered about its user.
#[derive(Object, Deserialize)]
#[oai(rename_all = "camelCase", deny_unknown_fields, example)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewEvent {
    /// What happened: a letter, then up to 63 letters, digits, `_`, `-` or `.`.
    #[oai(validator(min_length = 1, max_length = 64, pattern = "^[A-Za-z][A-Za-z0-9_.-]*$"))]
    name: String,
    /// More about it: at most 32 keys at all depths together, and 4 KiB as compact JSON. No passwords, tokens or other secrets.
    #[oai(skip_serializing_if_is_none)]
    attributes: Option<BTreeMap<String, Value>>,
}

impl poem_openapi::types::Example for NewEvent {
    fn example() -> Self {
        let attributes = [("playlist", json!("road-trip")), ("tracks", json!(12))];
        Self {
            name: "playlist_shared".to_owned(),
            attributes: Some(attributes.map(|(key, value)| (key.to_owned(), value)).into()),
        }
    }
}

/// The event's place in the world.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct RecordedEvent {
    /// The event's id, a `UUIDv7`: in `GET /events/{id}`, and the message's `Nats-Msg-Id`.
    id: Uuid,
}

/// The event will be published.
#[derive(ApiResponse)]
enum Recorded {
    /// It is in the ledger; the relay publishes it.
    #[oai(status = 202)]
    Accepted(Json<RecordedEvent>),
}

refusals! {
    /// Why nothing was recorded.
    RecordRefused: [BODY, BEARER, ALWAYS], [RateLimited]
}

/// The resource.
pub struct Events(pub Api);

#[OpenApi]
impl Events {
    /// Record an event of the application's own
    ///
    /// Records `auth.user.custom` about the signed-in user.
    #[oai(path = "/events", method = "post", operation_id = "recordEvent", tag = "Tag::Events")]
    async fn record(
        &self,
        context: RequestContext,
        bearer: BearerToken,
        body: StrictJson<NewEvent>,
    ) -> Result<Recorded, RecordRefused> {
        let identity = self.0.identify(&context, &bearer).await?;
        let input = parse(body.0)?;
        let work = self.0.run(&context, |auth, origin| async move {
            record_custom::run(&auth, &origin, &identity, input).await
        });
        let id = work.await?.map_err(|error| match error {
            record_custom::Error::SessionEnded => Problem::new(ProblemCode::InvalidToken),
            record_custom::Error::Failure(error) => failure(error),
        })?;
        Ok(Recorded::Accepted(Json(RecordedEvent { id: id.as_uuid() })))
    }
}

fn parse(body: NewEvent) -> Result<Input, Problem> {
    let mut fields = Fields::default();
    let name = fields.parse::<CustomName>("/name", &body.name);
    let attributes = body.attributes.map(|given| {
        let parsed = Attributes::parse(given.into_iter().collect());
        parsed.map_err(|error| fields.refuse(FieldError::new("/attributes", error.code(), error.to_string())))
    });
    let attributes = attributes.transpose().ok().flatten();
    fields.finish(name.map(|name| Input { name, attributes }))
}
