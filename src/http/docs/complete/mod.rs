//! Completes the document that poem-openapi derives with what it cannot derive, so that client
//! generators and linters read it without exceptions.

mod headers;
mod schemas;

use serde_json::{Map, Value, json};

use crate::http::routes::Tag;
use poem_openapi::Tags as _;

/// The version of the document format. poem-openapi writes 3.0.0; 3.0.3 only words it better.
const OPENAPI: &str = "3.0.3";

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// Complete a derived document.
pub(super) fn complete(document: &mut Value) {
    if let Some(document) = document.as_object_mut() {
        document.insert("openapi".to_owned(), OPENAPI.into());
    }
    sort_tags(document);
    for (method, operation) in operations(document) {
        require_security(operation);
        for (status, response) in responses(operation) {
            plain_media_types(response);
            headers::complete(response, status, method);
        }
    }
    headers::define(document);
    schemas::complete(document);
}

/// The operations, each with its method.
fn operations(document: &mut Value) -> impl Iterator<Item = (&str, &mut Map<String, Value>)> {
    let paths = document.get_mut("paths").and_then(Value::as_object_mut);
    let items = paths.into_iter().flat_map(|paths| paths.values_mut()).filter_map(Value::as_object_mut);
    let operations = items.flat_map(|item| item.iter_mut());
    operations.filter_map(|(method, operation)| {
        let is_operation = METHODS.contains(&method.as_str());
        is_operation.then_some((method.as_str(), operation.as_object_mut()?))
    })
}

fn responses(operation: &mut Map<String, Value>) -> impl Iterator<Item = (&str, &mut Map<String, Value>)> {
    let responses = operation.get_mut("responses").and_then(Value::as_object_mut);
    let responses = responses.into_iter().flat_map(|responses| responses.iter_mut());
    responses.filter_map(|(status, response)| Some((status.as_str(), response.as_object_mut()?)))
}

/// An operation without a security scheme says so: `[]`.
fn require_security(operation: &mut Map<String, Value>) {
    operation.entry("security").or_insert_with(|| json!([]));
}

/// JSON has no `charset` (RFC 8259 section 11), and generators look media types up by their name.
fn plain_media_types(response: &mut Map<String, Value>) {
    if let Some(content) = response.get_mut("content").and_then(Value::as_object_mut) {
        let named = std::mem::take(content).into_iter();
        content.extend(named.map(|(name, body)| {
            let essence = name.split(';').next().unwrap_or_default().trim().to_owned();
            (essence, body)
        }));
    }
}

/// Order the tags as [`Tag::ALL`] does: poem-openapi sorts them by name, and Swagger UI keeps the
/// order of the document.
fn sort_tags(document: &mut Value) {
    let Some(tags) = document.get_mut("tags").and_then(Value::as_array_mut) else {
        return;
    };
    tags.sort_by_key(|tag| {
        let name = tag.get("name").and_then(Value::as_str);
        Tag::ALL.iter().position(|known| Some(known.name()) == name)
    });
}
