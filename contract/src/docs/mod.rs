//! The catalogue as documentation: Markdown in this module, a web page in [`html`].

mod fields;
pub mod html;

use std::fmt::Write as _;

use serde_json::Value;
use watchword_events::{CATALOGUE, EventType, example, schema};

/// Returns the table of all events: subject, version, the fields of `data` beside the common ones,
/// and description. An optional field ends in `?`.
#[must_use]
pub fn table() -> String {
    let mut out = String::from("| subject | version | extra `data` | description |\n|---|---|---|---|\n");
    for event in CATALOGUE {
        // Writing to a String cannot fail.
        let _ = writeln!(
            out,
            "| `{}` | {} | {} | {} |",
            shown(event),
            event.version,
            extra_fields(event).join(", "),
            event.description
        );
    }
    out
}

/// Returns the page `docs/reference/events.md`: the table, and an example of every event.
#[must_use]
pub fn page() -> String {
    let mut out = String::from(concat!(
        "<!-- Generated from the catalogue in the crate watchword-events. Do not edit; run `make generate`. -->\n",
        "# Events\n\n",
        "Every message is compact JSON with `id`, `subject`, `schemaVersion`, `data` and `metadata`. `data` always\n",
        "has `timestamp`. It has `userId` if the event is about a known account, `userSeq` if it also happened to the\n",
        "account, and `actor` unless the user acted. The table lists the other fields; an optional field ends in `?`.\n\n",
    ));
    out.push_str(&table());
    for event in CATALOGUE {
        let _ = write!(
            out,
            "\n## {}\n\n{} Schema: [`schemas/{}/{}.json`](schemas/{}/{}.json)\n\n```json\n{}\n```\n",
            event.name,
            event.description,
            event.subject,
            event.version,
            event.subject,
            event.version,
            pretty_example(event)
        );
    }
    out
}

/// The subject, with `<name>` for the application's name.
fn shown(event: &EventType) -> String {
    event.filter().replace('*', "<name>")
}

fn extra_fields(event: &EventType) -> Vec<String> {
    fields::of(&schema::document(event, schema::BASE_URL), "/properties/data")
        .into_iter()
        .filter(|field| !fields::COMMON.contains(&field.name.as_str()))
        .map(|field| format!("{}{}", field.name, if field.required { "" } else { "?" }))
        .collect()
}

/// Examples are valid by construction, and a test refuses an empty one.
fn pretty_example(event: &EventType) -> String {
    let value: Option<Value> =
        example::of(event.kind).to_json().ok().and_then(|body| serde_json::from_slice(&body).ok());
    value.and_then(|value| serde_json::to_string_pretty(&value).ok()).unwrap_or_default()
}
