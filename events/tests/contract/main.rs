//! The contract without a network: bytes, schemas, headers and personal data.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a failed assertion ends a test")]

mod decoding;
mod golden;
mod headers;
mod personal_data;
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
