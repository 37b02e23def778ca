//! An event that the stream refuses for its size, cut to what a reader needs to keep its place: so
//! a user's sequence never has a hole, and one event never stops the others.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::jetstream::OutgoingEvent;

/// Longer texts are cut.
const MAX_CHARS: usize = 256;
/// Longer lists are emptied; the ids of sessions and the roles of an account are never so many.
const MAX_ITEMS: usize = 100;

/// The event with the same id and place, short texts, and `data.truncated`.
pub(in crate::relay) fn of(event: &OutgoingEvent) -> OutgoingEvent {
    let mut body = match serde_json::from_slice(&event.payload) {
        Ok(Value::Object(body)) => body.into_iter().map(|(name, value)| (name, cut(value, 0))).collect(),
        _ => Map::new(),
    };
    if let Value::Object(data) = body.entry("data").or_insert_with(|| json!({})) {
        data.insert("truncated".to_owned(), Value::Bool(true));
    }
    OutgoingEvent {
        payload: Bytes::from(Value::Object(body).to_string()),
        ..event.clone()
    }
}

/// Keep the types of all fields, so that a reader of the schema can read them.
fn cut(value: Value, depth: usize) -> Value {
    match value {
        Value::String(text) => Value::String(text.chars().take(MAX_CHARS).collect()),
        Value::Array(items) if items.len() <= MAX_ITEMS => {
            Value::Array(items.into_iter().map(|item| cut(item, depth + 1)).collect())
        }
        Value::Array(_) => Value::Array(Vec::new()),
        Value::Object(_) if depth > 1 => json!({}),
        Value::Object(fields) => {
            Value::Object(fields.into_iter().map(|(name, value)| (name, cut(value, depth + 1))).collect())
        }
        other => other,
    }
}
