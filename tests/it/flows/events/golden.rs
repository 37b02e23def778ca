//! Golden files: one message for each subject, with headers and body, in `golden/`.
//!
//! Values that differ from run to run are masked: `<id 1>` is the first UUID, and equal UUIDs have
//! equal numbers. `<time>` is a time, `<span>` the span of a trace context, `<hash>` a keyed hash,
//! `<version>` the version of the service.

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use crate::support::nats::StreamMessage;
use crate::support::run_dir::repository;

/// Set this variable to write the files. Then review the difference.
const BLESS: &str = "WATCHWORD_BLESS";

/// Compare a message with `golden/<name>.json`.
#[track_caller]
pub(crate) fn assert_golden(name: &str, message: &StreamMessage) {
    let path = repository().join("tests/it/flows/events/golden").join(format!("{name}.json"));
    let mut masks = Masks::default();
    let headers: Map<String, Value> = message
        .headers
        .iter()
        // How the message was sent, for the server.
        .filter(|(name, _)| !name.starts_with("Nats-Expected-") && !name.starts_with("Nats-Batch-"))
        .map(|(name, value)| (name.clone(), masks.text(name, value)))
        .collect();
    let found = json!({
        "subject": message.subject,
        "headers": headers,
        "body": masks.value("", &message.payload),
    });
    if std::env::var_os(BLESS).is_some() {
        let text = serde_json::to_string_pretty(&found).expect("JSON");
        fs::write(&path, text + "\n").expect("write a golden file");
        return;
    }
    let golden = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let golden: Value = serde_json::from_str(&golden).expect("a golden file is JSON");
    assert_eq!(
        serde_json::to_string_pretty(&found).expect("JSON"),
        serde_json::to_string_pretty(&golden).expect("JSON"),
        "{name} differs from {}",
        path.display()
    );
}

#[derive(Default)]
struct Masks {
    ids: BTreeMap<Uuid, usize>,
}

impl Masks {
    fn value(&mut self, key: &str, value: &Value) -> Value {
        match value {
            Value::Object(fields) => fields.iter().map(|(key, value)| (key.clone(), self.value(key, value))).collect(),
            Value::Array(items) => items.iter().map(|item| self.value(key, item)).collect(),
            Value::String(text) => self.text(key, text),
            other => other.clone(),
        }
    }

    fn text(&mut self, key: &str, text: &str) -> Value {
        if let Ok(id) = Uuid::parse_str(text) {
            let next = self.ids.len() + 1;
            return json!(format!("<id {}>", self.ids.entry(id).or_insert(next)));
        }
        match key {
            _ if OffsetDateTime::parse(text, &Rfc3339).is_ok() => {
                assert!(
                    text.ends_with('Z') && text.len() == "2026-11-22T12:00:00.000Z".len(),
                    "UTC, milliseconds: {text}"
                );
                json!("<time>")
            }
            "traceparent" | "ce-traceparent" => json!(mask_span(text)),
            "identifierHash" => {
                assert!(
                    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()),
                    "a keyed hash: {text}"
                );
                json!("<hash>")
            }
            "Watchword-Ledger" => {
                assert_eq!(text.split('/').map(str::len).collect::<Vec<_>>().last(), Some(&32), "{text}");
                json!("<ledger>/<seq>/<mac>")
            }
            "version" => {
                assert_eq!(text, env!("CARGO_PKG_VERSION"));
                json!("<version>")
            }
            _ => json!(text),
        }
    }
}

/// Mask the third part of `00-<trace>-<span>-01`.
fn mask_span(traceparent: &str) -> String {
    let mut parts: Vec<&str> = traceparent.split('-').collect();
    if let Some(span) = parts.get_mut(2) {
        *span = "<span>";
    }
    parts.join("-")
}
