//! The schemas: closed in requests, open in responses, and in the forms that every generator reads.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

const PREFIX: &str = "#/components/schemas/";

pub(super) fn complete(document: &mut Value) {
    let bodies = request_bodies(document);
    let answered = reachable(document, responses(document));
    if let Some(schemas) = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut) {
        for name in bodies {
            if let Some(schema) = schemas.get_mut(&name).and_then(Value::as_object_mut) {
                schema.insert("additionalProperties".to_owned(), Value::Bool(false));
            }
        }
        for (name, schema) in schemas.iter_mut() {
            if answered.contains(name) {
                open_enumerations(schema);
            }
        }
    }
    simplify(document);
}

/// The schemas of JSON bodies of requests.
fn request_bodies(document: &Value) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for operation in operations(document) {
        if let Some(schema) = operation.pointer("/requestBody/content/application~1json/schema") {
            collect(schema, &mut names);
        }
    }
    names
}

/// The schemas that responses name.
fn responses(document: &Value) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for operation in operations(document) {
        if let Some(responses) = operation.get("responses") {
            collect(responses, &mut names);
        }
    }
    names
}

fn operations(document: &Value) -> impl Iterator<Item = &Value> {
    let paths = document.get("paths").and_then(Value::as_object);
    let items = paths.into_iter().flat_map(|paths| paths.values()).filter_map(Value::as_object);
    items.flat_map(|item| item.values())
}

/// These schemas, and all that they name.
fn reachable(document: &Value, names: BTreeSet<String>) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    let mut next = names;
    while let Some(name) = next.pop_first() {
        if let Some(schema) = document.pointer(&format!("/components/schemas/{name}")) {
            let mut named = BTreeSet::new();
            collect(schema, &mut named);
            reached.insert(name);
            next.extend(named.difference(&reached).cloned().collect::<Vec<_>>());
        }
    }
    reached
}

/// Add the names of the schemas that a value refers to.
fn collect(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            let reference = fields.get("$ref").and_then(Value::as_str);
            names.extend(reference.and_then(|reference| reference.strip_prefix(PREFIX)).map(str::to_owned));
            fields.values().for_each(|field| collect(field, names));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, names)),
        _ => {}
    }
}

/// A client must not refuse a value that is added later, so the known ones are only listed.
fn open_enumerations(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            if let Some(known) = fields.remove("enum") {
                fields.insert("x-extensible-enum".to_owned(), known);
            }
            fields.values_mut().for_each(open_enumerations);
        }
        Value::Array(items) => items.iter_mut().for_each(open_enumerations),
        _ => {}
    }
}

/// Write what poem-openapi derives in its usual form.
fn simplify(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            if let Some(reference) = described_reference(fields) {
                *fields = Map::from_iter([("$ref".to_owned(), reference)]);
                return;
            }
            signed_format(fields);
            for bound in ["minimum", "maximum"] {
                whole_bound(fields, bound);
            }
            fields.values_mut().for_each(simplify);
        }
        Value::Array(items) => items.iter_mut().for_each(simplify),
        _ => {}
    }
}

/// The reference of `allOf: [{$ref}, {description}]`. In `OpenAPI` 3.0 nothing can stand beside a
/// reference, and generators make a type of its own of an `allOf`.
fn described_reference(fields: &Map<String, Value>) -> Option<Value> {
    let [reference, rest] = fields.get("allOf")?.as_array()?.as_slice() else {
        return None;
    };
    let only_described = rest.as_object()?.keys().all(|key| matches!(key.as_str(), "description" | "readOnly"));
    only_described.then(|| reference.get("$ref").cloned()).flatten()
}

/// `OpenAPI` has no unsigned formats. All numbers of the service fit into the signed ones.
fn signed_format(fields: &mut Map<String, Value>) {
    let signed = match fields.get("format").and_then(Value::as_str) {
        Some("uint8" | "uint16") => "int32",
        Some("uint32" | "uint64") => "int64",
        _ => return,
    };
    fields.insert("format".to_owned(), signed.into());
    fields.entry("minimum").or_insert_with(|| 0.into());
}

/// Bounds of whole numbers without a fraction.
fn whole_bound(fields: &mut Map<String, Value>, bound: &str) {
    let number = fields.get(bound).and_then(Value::as_f64);
    // `599.0` is displayed as `599`.
    if let Some(whole) = number.and_then(|number| number.to_string().parse::<i64>().ok()) {
        fields.insert(bound.to_owned(), whole.into());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_described_reference_is_a_reference() {
        let mut schema = json!({"properties": {"code": {
            "description": "The kind.",
            "allOf": [{"$ref": "#/components/schemas/Code"}, {"description": "The kind."}],
        }}});
        simplify(&mut schema);
        assert_eq!(schema, json!({"properties": {"code": {"$ref": "#/components/schemas/Code"}}}));
        let nullable = json!({"allOf": [{"$ref": "#/components/schemas/Code"}, {"nullable": true}]});
        let mut schema = nullable.clone();
        simplify(&mut schema);
        assert_eq!(schema, nullable);
    }

    #[test]
    fn numbers_have_the_formats_and_bounds_of_openapi() {
        let mut schema = json!({"type": "integer", "format": "uint64", "maximum": 599.0});
        simplify(&mut schema);
        assert_eq!(schema, json!({"type": "integer", "format": "int64", "maximum": 599, "minimum": 0}));
        let mut half = json!({"minimum": 0.5});
        simplify(&mut half);
        assert_eq!(half, json!({"minimum": 0.5}));
    }

    #[test]
    fn only_enumerations_of_responses_are_open() {
        let mut document = json!({
            "paths": {"/": {"post": {
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/In"}}}},
                "responses": {"200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Out"}}}}},
            }}},
            "components": {"schemas": {
                "In": {"properties": {"a": {"enum": ["x"]}}},
                "Out": {"properties": {"b": {"$ref": "#/components/schemas/Deep"}, "c": {"enum": ["y"]}}},
                "Deep": {"enum": ["z"]},
            }},
        });
        complete(&mut document);
        let schemas = &document["components"]["schemas"];
        assert_eq!(
            schemas["In"],
            json!({"properties": {"a": {"enum": ["x"]}}, "additionalProperties": false})
        );
        assert_eq!(schemas["Out"]["properties"]["c"], json!({"x-extensible-enum": ["y"]}));
        assert_eq!(schemas["Deep"], json!({"x-extensible-enum": ["z"]}));
    }
}
