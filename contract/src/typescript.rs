//! The catalogue as TypeScript types: a union of all events, discriminated by `subject`.

use std::fmt::Write as _;

use serde_json::Value;
use watchword_events::{CATALOGUE, EventType, schema};

const HEAD: &str = "\
// Generated from the catalogue in the crate watchword-events. Do not edit; run `make generate`.

/**
 * The parsed body of a message in the stream `auth-events`.
 *
 * `switch (event.subject)` narrows it. Within a major version optional fields and further values of
 * enumerations may be added, and a newer service may publish events that are not listed here: ignore unknown
 * ones in the `default` branch.
 */
";

const TAIL: &str = "
/** The subjects of all events. */
export type Subject = AuthEvent[\"subject\"];

/** The event on a subject: `EventOf<\"auth.user.logged_in\">` is `LoggedIn`. */
export type EventOf<S extends Subject> = OfSubject<AuthEvent, S>;
type OfSubject<E, S> = E extends { subject: infer T } ? (S extends T ? E : never) : never;
";

/// Parts that all events share and that have a type name of their own: the name, and the JSON
/// pointer in a body's schema.
const SHARED: [(&str, &str); 2] = [
    ("Actor", "/properties/data/properties/actor"),
    ("Metadata", "/properties/metadata"),
];

/// Returns the TypeScript declaration file.
#[must_use]
pub fn declarations() -> String {
    let mut out = String::from(HEAD);
    let names: Vec<String> = CATALOGUE.iter().map(type_name).collect();
    // Writing to a String cannot fail.
    let _ = writeln!(out, "export type AuthEvent =\n  | {};", names.join("\n  | "));
    out.push_str(TAIL);
    let bodies: Vec<Value> = CATALOGUE.iter().map(|event| schema::document(event, schema::BASE_URL)).collect();
    let shared = Shared::of(bodies.first().unwrap_or(&Value::Null));
    for (name, schema) in &shared.0 {
        comment(&mut out, "", schema);
        let _ = writeln!(out, "export type {name} = {};", shared.inside(schema, ""));
    }
    for (name, body) in names.iter().zip(&bodies) {
        comment(&mut out, "", body);
        let _ = writeln!(out, "export interface {name} {}", shared.inside(body, ""));
    }
    out
}

/// `LoggedIn`
fn type_name(event: &EventType) -> String {
    let words = event.name.split('_').map(|word| {
        let (first, rest) = word.split_at_checked(1).unwrap_or((word, ""));
        first.to_ascii_uppercase() + rest
    });
    words.collect()
}

struct Shared(Vec<(&'static str, Value)>);

impl Shared {
    fn of(body: &Value) -> Self {
        let found = SHARED.iter().filter_map(|(name, pointer)| Some((*name, body.pointer(pointer)?.clone())));
        Self(found.collect())
    }

    /// Returns the TypeScript type of a schema: its name if it has one.
    fn reference(&self, schema: &Value, indent: &str) -> String {
        let named = self.0.iter().find(|(_, shared)| shared == schema);
        named.map_or_else(|| self.inside(schema, indent), |(name, _)| (*name).to_owned())
    }

    fn inside(&self, schema: &Value, indent: &str) -> String {
        if let Some(constant) = schema.get("const") {
            return constant.to_string();
        }
        let listed = |keyword: &str| schema.get(keyword).and_then(Value::as_array);
        if let Some(values) = listed("x-known-values") {
            // Editors complete the known values, and any other text is accepted.
            return union(values.iter().map(Value::to_string).chain(["(string & {})".to_owned()]));
        }
        match schema.get("type").and_then(Value::as_str) {
            // The subjects of custom events: a type that narrows the union, as a constant does.
            Some("string") if schema.get("pattern").is_some_and(|it| it == schema::CUSTOM_SUBJECT) => {
                "`auth.custom.${string}`".to_owned()
            }
            Some("string") => "string".to_owned(),
            Some("integer" | "number") => "number".to_owned(),
            Some("boolean") => "boolean".to_owned(),
            Some("array") => {
                let items = schema.get("items").unwrap_or(&Value::Null);
                format!("Array<{}>", self.reference(items, indent))
            }
            Some("object") => self.object(schema, indent),
            _ => listed("anyOf").map_or_else(
                || "unknown".to_owned(),
                |choices| union(choices.iter().map(|choice| self.reference(choice, indent))),
            ),
        }
    }

    fn object(&self, schema: &Value, indent: &str) -> String {
        let Some(fields) = schema.get("properties").and_then(Value::as_object) else {
            return "Record<string, unknown>".to_owned();
        };
        let required = schema.get("required").and_then(Value::as_array);
        let inner = format!("{indent}  ");
        let mut out = String::from("{\n");
        for (name, field) in fields {
            let optional = if required.is_some_and(|names| names.iter().any(|it| it == name)) {
                ""
            } else {
                "?"
            };
            comment(&mut out, &inner, field);
            let _ = writeln!(out, "{inner}{name}{optional}: {};", self.reference(field, &inner));
        }
        out + indent + "}"
    }
}

fn union(types: impl Iterator<Item = String>) -> String {
    types.collect::<Vec<_>>().join(" | ")
}

fn comment(out: &mut String, indent: &str, schema: &Value) {
    if indent.is_empty() {
        out.push('\n');
    }
    if let Some(text) = schema.get("description").and_then(Value::as_str) {
        let text = text.replace("*/", "*\\/").replace('\n', " ");
        let _ = writeln!(out, "{indent}/** {text} */");
    }
}
