//! `docs/reference/openapi.json` equals the document that the service serves, and is valid
//! `OpenAPI` 3.0.

use std::collections::BTreeSet;

use serde_json::Value;
use watchword::http::docs::specification;
use watchword::http::problem::ProblemCode;

const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/reference/openapi.json");

fn document() -> Value {
    serde_json::from_str(&specification::committed()).expect("JSON")
}

fn operations(document: &Value) -> Vec<(String, &Value)> {
    let paths = document["paths"].as_object().expect("paths");
    let operations = paths.iter().flat_map(|(path, item)| {
        let methods = item.as_object().expect("a path item");
        methods.iter().map(move |(method, operation)| (format!("{method} {path}"), operation))
    });
    operations.collect()
}

#[test]
fn the_committed_document_is_up_to_date() {
    let committed = std::fs::read_to_string(COMMITTED).expect("docs/reference/openapi.json");
    assert!(
        committed == specification::committed(),
        "docs/reference/openapi.json is stale: run `make generate`"
    );
}

#[test]
fn document_is_openapi_3_0() {
    let document = document();
    assert!(document["openapi"].as_str().expect("a version").starts_with("3.0."));
    serde_json::from_value::<openapiv3::OpenAPI>(document).expect("a typed OpenAPI 3.0 document");
}

#[test]
fn every_operation_is_fully_described() {
    let document = document();
    let mut ids = BTreeSet::new();
    for (name, operation) in operations(&document) {
        let id = operation["operationId"].as_str().unwrap_or_else(|| panic!("{name}: no operationId"));
        assert!(ids.insert(id), "{name}: the operationId {id} is taken");
        assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()), "{name}: no summary");
        let responses = operation["responses"].as_object().expect("responses");
        assert!(responses.keys().any(|status| status.starts_with('2')), "{name}: no success");
        for (status, response) in responses {
            assert!(
                !response["description"].as_str().unwrap_or_default().is_empty(),
                "{name} {status}: not described"
            );
            if status.starts_with(['4', '5']) {
                // OAuth endpoints return the error codes of RFC 6749 instead of problems.
                let of_oauth = name.contains(" /oauth/") && ["400", "401"].contains(&status.as_str());
                let media_type = if of_oauth {
                    "application/json"
                } else {
                    "application/problem+json"
                };
                assert!(response["content"][media_type].is_object(), "{name} {status}: no problem");
            }
        }
        let secured = !operation["security"].is_null();
        assert_eq!(
            secured,
            responses.contains_key("401") && !["login", "refreshTokens", "verifyMfa"].contains(&id),
            "{name}: 401 and security"
        );
    }
}

#[test]
fn request_bodies_are_closed() {
    let document = document();
    let mut bodies = 0;
    for (name, operation) in operations(&document) {
        let Some(reference) = operation.pointer("/requestBody/content/application~1json/schema/$ref") else {
            continue;
        };
        let reference = reference.as_str().expect("a reference").trim_start_matches('#');
        let schema = document.pointer(reference).expect("the schema");
        assert_eq!(schema["additionalProperties"], Value::Bool(false), "{name}");
        bodies += 1;
    }
    assert_eq!(bodies, 20);
}

#[test]
fn problem_codes_are_listed_by_the_schema() {
    let document = document().to_string();
    for code in ProblemCode::ALL {
        assert!(document.contains(&format!("\"{}\"", code.as_str())), "{}", code.as_str());
    }
}
