//! The contract without a network: bytes, schemas, generated files, headers, personal data.
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test stops at the first thing that is not as it should be"
)]

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
use watchword_events::{Event, EventKind};

fn example(kind: EventKind) -> Event {
    kind.definition().example()
}

fn body(kind: EventKind) -> String {
    String::from_utf8(example(kind).to_json().unwrap()).unwrap()
}

fn validator(schema: &Value) -> Validator {
    assert!(
        jsonschema::draft202012::meta::is_valid(schema),
        "not a schema: {schema:#}"
    );
    jsonschema::draft202012::options()
        .should_validate_formats(true)
        .build(schema)
        .unwrap()
}
