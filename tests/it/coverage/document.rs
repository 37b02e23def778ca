//! The operations in the OpenAPI document.

use serde_json::Value;
use watchword::http::docs::specification;
use watchword_events::{CATALOGUE, EventType};

pub(crate) struct Operation {
    pub(crate) id: String,
    pub(crate) method: reqwest::Method,
    pub(crate) path: String,
    /// `201`, `409 email_taken`, …
    pub(super) outcomes: Vec<String>,
    /// The events that the description names, as in the catalogue.
    pub(super) events: Vec<String>,
    pub(super) has_body: bool,
    pub(super) is_secured: bool,
}

pub(crate) fn operations() -> Vec<Operation> {
    let document: Value = serde_json::from_str(&specification::committed()).expect("JSON");
    let paths = document["paths"].as_object().expect("paths");
    let operations = paths.iter().flat_map(|(path, item)| {
        let methods = item.as_object().expect("a path item");
        methods.iter().map(move |(method, operation)| Operation {
            id: operation["operationId"].as_str().expect("an operationId").to_owned(),
            method: method.to_uppercase().parse().expect("a method"),
            path: path.clone(),
            outcomes: outcomes(operation),
            events: events(operation["description"].as_str().unwrap_or_default()),
            has_body: operation["requestBody"].is_object(),
            is_secured: operation["security"].as_array().is_some_and(|schemes| !schemes.is_empty()),
        })
    });
    operations.collect()
}

/// The description of an error response has each code in backticks.
fn outcomes(operation: &Value) -> Vec<String> {
    let responses = operation["responses"].as_object().expect("responses");
    let outcomes = responses.iter().flat_map(|(status, response)| {
        let description = response["description"].as_str().unwrap_or_default();
        let codes = description.split('`').skip(1).step_by(2);
        let refusals: Vec<String> = codes.map(|code| format!("{status} {code}")).collect();
        match status.starts_with(['4', '5']) {
            true => refusals,
            false => vec![status.clone()],
        }
    });
    outcomes.collect()
}

fn events(description: &str) -> Vec<String> {
    let is_named = |event: &EventType| description.contains(&format!("`{}`", event.filter().replace('*', "<name>")));
    let named = CATALOGUE.iter().filter(|event| is_named(event));
    named.map(|event| event.name.to_owned()).collect()
}
