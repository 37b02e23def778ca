//! The contract without a network: bytes, schemas, generated files, headers and personal data.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a failed assertion ends a test")]

mod asyncapi;
mod decoding;
mod generated;
mod golden;
mod headers;
mod page;
mod personal_data;
mod published;
mod trace;

use jsonschema::Validator;
use serde_json::Value;
use watchword_events::{EventKind, example};

fn body(kind: EventKind) -> String {
    String::from_utf8(example::of(kind).to_json().unwrap()).unwrap()
}

fn validator(schema: &Value) -> Validator {
    assert!(jsonschema::draft202012::meta::is_valid(schema), "not a schema: {schema:#}");
    jsonschema::draft202012::options().should_validate_formats(true).build(schema).unwrap()
}
