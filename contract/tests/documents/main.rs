//! The documents, and the gate of published schemas.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a failed assertion ends a test")]

mod asyncapi;
mod generated;
mod page;
mod published;

use jsonschema::Validator;
use serde_json::Value;

fn validator(schema: &Value) -> Validator {
    assert!(jsonschema::draft202012::meta::is_valid(schema), "not a schema: {schema:#}");
    jsonschema::draft202012::options().should_validate_formats(true).build(schema).unwrap()
}
