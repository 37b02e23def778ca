//! JSON Schemas (2020-12) of the message bodies, generated from the payload types.

use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use serde_json::{Value, json};

use crate::catalogue::{EventKind, EventType};
use crate::wire;

/// The base URL of the schemas' `$id`: an identifier, which does not change with the address of an
/// installation. Every service has copies at `/schemas/`.
pub const BASE_URL: &str = "https://watchword-auth.github.io/watchword";

/// The subjects of custom events, as a regular expression.
pub const CUSTOM_SUBJECT: &str = r"^auth\.custom\.[a-z][a-z0-9_-]{0,63}$";

/// Returns the URL of an event's schema: `<base_url>/schemas/<subject>/<version>.json`, with the
/// subject of the event's kind.
///
/// It is the schema's `$id`, the header `ce-dataschema` and the body's `metadata.dataschema`.
#[must_use]
pub fn url(base_url: &str, subject: &str, version: u32) -> String {
    format!("{}/schemas/{subject}/{version}.json", base_url.trim_end_matches('/'))
}

/// Returns the JSON Schema of an event's message body.
#[must_use]
pub fn document(event: &EventType, base_url: &str) -> Value {
    let mut generator = SchemaSettings::draft2020_12()
        .with(|settings| settings.inline_subschemas = true)
        .into_generator();
    let mut body = wire::body_schema(event.kind, &mut generator);
    Open.transform(&mut body);
    narrow(&mut body, event);
    let mut document = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": url(base_url, event.subject, event.version),
        "title": format!("{} v{}", event.subject, event.version),
        "description": event.description,
    });
    if let (Some(document), Some(body)) = (document.as_object_mut(), body.as_object()) {
        for (key, value) in body {
            document.entry(key).or_insert_with(|| value.clone());
        }
    }
    document
}

/// Adds what the shared envelope does not define: which event this is, and whether it must name its
/// user.
fn narrow(body: &mut Schema, event: &EventType) {
    let subject = match event.kind {
        EventKind::Custom => ("pattern", json!(CUSTOM_SUBJECT)),
        _ => ("const", json!(event.subject)),
    };
    let constants = [
        ("/properties/subject", subject),
        ("/properties/schemaVersion", ("const", json!(event.version))),
    ];
    for (pointer, (keyword, value)) in constants {
        if let Some(property) = body.pointer_mut(pointer).and_then(Value::as_object_mut) {
            property.retain(|known, _| known == "description" || (keyword == "pattern" && known == "type"));
            property.insert(keyword.to_owned(), value);
        }
    }
    if let Some(data) = body.pointer_mut("/properties/data").and_then(Value::as_object_mut) {
        if !event.is_numbered()
            && let Some(Value::Object(fields)) = data.get_mut("properties")
        {
            fields.shift_remove("userSeq");
        }
        let user = [
            ("userId", event.about_known_user),
            ("userSeq", event.about_known_user && event.is_numbered()),
        ];
        if let Some(Value::Array(required)) = data.get_mut("required") {
            required.splice(0..0, user.iter().filter(|(_, always)| *always).map(|(name, _)| json!(name)));
        }
    }
}

/// Opens objects to fields of later minor versions, and removes what only Rust knows: `null` for an
/// absent value, which is left out of a message, and the width of an integer.
struct Open;

impl Transform for Open {
    fn transform(&mut self, schema: &mut Schema) {
        without_null(schema);
        let is = |schema: &Schema, name: &str| schema.get("type").is_some_and(|kind| kind == name);
        if is(schema, "integer") {
            schema.remove("format");
        }
        if is(schema, "object") {
            schema.insert("additionalProperties".to_owned(), Value::Bool(true));
        }
        transform_subschemas(self, schema);
    }
}

fn without_null(schema: &mut Schema) {
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            schema.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(choices)) = schema.get_mut("anyOf") {
        choices.retain(|choice| *choice != json!({ "type": "null" }));
        if let [Value::Object(only)] = choices.as_slice() {
            let only = only.clone();
            schema.remove("anyOf");
            if let Some(schema) = schema.as_object_mut() {
                for (key, value) in only {
                    schema.entry(key).or_insert(value);
                }
            }
        }
    }
}
