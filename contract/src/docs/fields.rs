//! The fields of a message body, for the documentation.

use serde_json::Value;

/// Fields of `data` that any event may have.
pub(super) const COMMON: [&str; 4] = ["userId", "timestamp", "userSeq", "actor"];

/// One field of an object.
pub(super) struct Field {
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) required: bool,
    pub(super) description: String,
    /// The known values with their meanings, if the field is an enumeration.
    pub(super) values: Vec<(String, String)>,
}

/// Returns the fields of the object at `pointer` of a schema, in its order.
pub(super) fn of(schema: &Value, pointer: &str) -> Vec<Field> {
    let object = schema.pointer(pointer).unwrap_or(&Value::Null);
    let required = |name: &str| {
        let names = object.get("required").and_then(Value::as_array);
        names.is_some_and(|names| names.iter().any(|required| required == name))
    };
    let properties = object.get("properties").and_then(Value::as_object);
    let fields = properties.into_iter().flatten().map(|(name, schema)| Field {
        name: name.clone(),
        kind: kind(schema),
        required: required(name),
        description: text(schema, "description"),
        values: values(schema.get("items").unwrap_or(schema)),
    });
    fields.collect()
}

fn text(schema: &Value, keyword: &str) -> String {
    schema.get(keyword).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// Returns the type of a field: `uuid`, `date-time`, `integer`, `string[]`, …
fn kind(schema: &Value) -> String {
    if let Some(items) = schema.get("items") {
        return format!("{}[]", kind(items));
    }
    if let Some(constant) = schema.get("const") {
        return constant.to_string();
    }
    if let Some(format) = schema.get("format").and_then(Value::as_str) {
        return format.to_owned();
    }
    let choices = |keyword: &str| schema.get(keyword).and_then(Value::as_array).into_iter().flatten();
    let formats: Vec<String> = choices("anyOf").map(|choice| text(choice, "format")).collect();
    if !formats.is_empty() && formats.iter().all(|format| !format.is_empty()) {
        return formats.join(" or ");
    }
    match text(schema, "type") {
        named if named.is_empty() => "any".to_owned(),
        named => named,
    }
}

/// Returns the known values of an enumeration; for an object, those of its `type`.
fn values(schema: &Value) -> Vec<(String, String)> {
    let schema = schema.pointer("/properties/type").unwrap_or(schema);
    let listed = |keyword: &str| schema.get(keyword).and_then(Value::as_array).into_iter().flatten();
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    listed("x-known-values")
        .zip(listed("x-enum-descriptions"))
        .map(|(value, meaning)| (word(value), word(meaning)))
        .collect()
}
