//! Which changes of a schema readers of the same major version survive: new optional fields, and no others.
//!
//! A reader may validate what it gets with the schema it was built with, or may hold messages that were written
//! under an older one. So nothing that decides about validity may change, in either direction: a field that is
//! gone, a value that is new and a limit that is wider or narrower all break somebody.
//! The wording (`title`, `description`) decides nothing and may be improved.

use serde_json::{Map, Value};

/// Keywords without a say in what is valid; `$id` depends on where the schema is served.
const WORDING: [&str; 3] = ["$id", "title", "description"];

/// What `new` breaks for those who know `old`, one line each with its JSON pointer; empty when nothing does.
#[must_use]
pub fn breaking_changes(old: &Value, new: &Value) -> Vec<String> {
    let mut found = Vec::new();
    compare("", old, new, &mut found);
    found
}

/// Whether both say the same about what is valid, whatever their wording.
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
    let said_above = |keyword: &str| WORDING.contains(&keyword) || ["properties", "required"].contains(&keyword);
    for (keyword, was) in old.iter().filter(|(keyword, _)| !said_above(keyword)) {
        let at = format!("{at}/{keyword}");
        match new.get(keyword) {
            Some(is) => compare(&at, was, is, found),
            None => found.push(format!("{at}: was {was}, is gone")),
        }
    }
    for keyword in new.keys().filter(|keyword| !said_above(keyword)) {
        if !old.contains_key(keyword) {
            found.push(format!("{at}/{keyword}: is new, and not an optional field"));
        }
    }
}

/// Fields may come, but not go; whether one that comes is optional, [`compare_required`] says.
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
            None => found.push(format!("{at}: the field is gone")),
        }
    }
}

/// The same names have to be required, in whatever order.
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
        found.push(format!("{at}/required: {name} is required now"));
    }
}
