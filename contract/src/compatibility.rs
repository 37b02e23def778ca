//! Which changes of a schema are compatible within a major version: new optional fields, further
//! known values of an enumeration, and no others.
//!
//! A reader may validate messages with the schema that it was built with, or hold messages that
//! were written under an older one. So nothing that affects validity may change, in either
//! direction: a removed field, a closed enumeration, and a wider or narrower limit each break a
//! reader. The values in `x-known-values` do not affect validity; one that is removed breaks the
//! readers that wait for it. `title` and `description` may change.

use serde_json::{Map, Value};

/// Keywords that do not affect validity. `$id` depends on where the schema is served.
const ANNOTATIONS: [&str; 4] = ["$id", "title", "description", "x-enum-descriptions"];
/// The known values of an open enumeration.
const KNOWN_VALUES: &str = "x-known-values";

/// Returns what `new` breaks for readers of `old`: one line per change, with its JSON pointer.
/// Empty when `new` is compatible.
#[must_use]
pub fn breaking_changes(old: &Value, new: &Value) -> Vec<String> {
    let mut found = Vec::new();
    compare("", old, new, &mut found);
    found
}

/// Whether both schemas accept the same messages, apart from titles and descriptions.
#[must_use]
pub fn same_contract(one: &Value, other: &Value) -> bool {
    breaking_changes(one, other).is_empty() && breaking_changes(other, one).is_empty()
}

fn compare(at: &str, old: &Value, new: &Value, found: &mut Vec<String>) {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => compare_schemas(at, old, new, found),
        (Value::Array(old), Value::Array(new)) if old.len() == new.len() => {
            for (index, (old, new)) in old.iter().zip(new).enumerate() {
                compare(&format!("{at}/{index}"), old, new, found);
            }
        }
        (Value::Array(old), Value::Array(new)) => {
            found.push(format!("{at}: had {} entries, has {}", old.len(), new.len()));
        }
        _ if old == new => {}
        _ => found.push(format!("{at}: was {old}, is {new}")),
    }
}

fn compare_schemas(at: &str, old: &Map<String, Value>, new: &Map<String, Value>, found: &mut Vec<String>) {
    compare_fields(at, old, new, found);
    compare_required(at, old, new, found);
    compare_known_values(at, old, new, found);
    let compared = ["properties", "required", KNOWN_VALUES];
    let skipped = |keyword: &str| ANNOTATIONS.contains(&keyword) || compared.contains(&keyword);
    for (keyword, was) in old.iter().filter(|(keyword, _)| !skipped(keyword)) {
        let at = format!("{at}/{keyword}");
        match new.get(keyword) {
            Some(is) => compare(&at, was, is, found),
            None => found.push(format!("{at}: was {was}, was removed")),
        }
    }
    for keyword in new.keys().filter(|keyword| !skipped(keyword)) {
        if !old.contains_key(keyword) {
            found.push(format!("{at}/{keyword}: was added, and is not an optional field"));
        }
    }
}

/// Fields may be added but not removed. [`compare_required`] checks that an added field is
/// optional.
fn compare_fields(at: &str, old: &Map<String, Value>, new: &Map<String, Value>, found: &mut Vec<String>) {
    let fields = |schema: &Map<String, Value>| {
        let fields = schema.get("properties").and_then(Value::as_object);
        fields.cloned().unwrap_or_default()
    };
    let new = fields(new);
    for (name, was) in fields(old) {
        let at = format!("{at}/properties/{name}");
        match new.get(&name) {
            Some(is) => compare(&at, &was, is, found),
            None => found.push(format!("{at}: the field was removed")),
        }
    }
}

/// Values may be added but not removed. A field that lists none may not begin to: it would become
/// an enumeration.
fn compare_known_values(at: &str, old: &Map<String, Value>, new: &Map<String, Value>, found: &mut Vec<String>) {
    let values = |schema: &Map<String, Value>| schema.get(KNOWN_VALUES).and_then(Value::as_array).cloned();
    match (values(old), values(new)) {
        (Some(old), Some(new)) => {
            for value in old.iter().filter(|value| !new.contains(value)) {
                found.push(format!("{at}/{KNOWN_VALUES}: {value} was removed"));
            }
        }
        (None, None) => {}
        (Some(_), None) => found.push(format!("{at}/{KNOWN_VALUES}: was removed")),
        (None, Some(_)) => found.push(format!("{at}/{KNOWN_VALUES}: was added")),
    }
}

/// The same names must be required, in any order.
fn compare_required(at: &str, old: &Map<String, Value>, new: &Map<String, Value>, found: &mut Vec<String>) {
    let names = |schema: &Map<String, Value>| {
        let names = schema.get("required").and_then(Value::as_array);
        names.cloned().unwrap_or_default()
    };
    let (old, new) = (names(old), names(new));
    for name in old.iter().filter(|name| !new.contains(name)) {
        found.push(format!("{at}/required: {name} is no longer required"));
    }
    for name in new.iter().filter(|name| !old.contains(name)) {
        found.push(format!("{at}/required: {name} is now required"));
    }
}
