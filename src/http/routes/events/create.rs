//! The body of POST /events.

use std::collections::BTreeMap;

use poem_openapi::Object;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::actions::events::record::Input;
use crate::domain::custom_event::{Attributes, CustomName};
use crate::domain::idempotency::IdempotencyKey;
use crate::http::fields::Fields;
use crate::http::problem::{FieldError, Problem};

/// An application's own event about its user.
#[derive(Object, Deserialize)]
#[oai(rename_all = "camelCase", deny_unknown_fields, example)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateEventRequest {
    /// What happened, the last token of the subject: a lower-case letter, then up to 63 lower-case
    /// letters, digits, `_` or `-`.
    #[oai(validator(min_length = 1, max_length = 64, pattern = "^[a-z][a-z0-9_-]*$"))]
    name: String,
    /// Details: at most 32 keys, counted at all depths, and 4 KiB as compact JSON. No passwords,
    /// tokens or other secrets.
    #[oai(skip_serializing_if_is_none)]
    attributes: Option<BTreeMap<String, Value>>,
}

impl poem_openapi::types::Example for CreateEventRequest {
    fn example() -> Self {
        let attributes = [("playlist", json!("road-trip")), ("tracks", json!(12))];
        Self {
            name: "playlist_shared".to_owned(),
            attributes: Some(attributes.map(|(key, value)| (key.to_owned(), value)).into()),
        }
    }
}

/// Convert the body to the input of the action.
///
/// # Errors
/// 422 with every field that is not acceptable.
pub fn parse(body: CreateEventRequest, idempotency_key: Option<IdempotencyKey>) -> Result<Input, Problem> {
    let mut fields = Fields::default();
    let name = fields.parse::<CustomName>("/name", &body.name);
    let attributes = body.attributes.map(|given| {
        let parsed = Attributes::parse(given.into_iter().collect());
        parsed.map_err(|error| fields.refuse(FieldError::new("/attributes", error.code(), error.to_string())))
    });
    let attributes = attributes.transpose().ok().flatten();
    fields.finish(name.map(|name| Input { name, attributes, idempotency_key }))
}
