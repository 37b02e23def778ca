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
        let schemes = operation["security"].as_array().unwrap_or_else(|| panic!("{name}: no security"));
        let secured = !schemes.is_empty();
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

/// The value and all values in it, each with its JSON pointer.
fn walk<'a>(value: &'a Value, pointer: &str, visit: &mut dyn FnMut(&str, &'a Value)) {
    visit(pointer, value);
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                walk(field, &format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1")), visit);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                walk(item, &format!("{pointer}/{index}"), visit);
            }
        }
        _ => {}
    }
}

/// Fails if a schema that a response can contain is closed: clients would refuse later values.
#[test]
fn responses_are_open() {
    let document = document();
    let mut open = Vec::new();
    let mut seen = BTreeSet::new();
    let mut next: Vec<&Value> =
        operations(&document).into_iter().map(|(_, operation)| &operation["responses"]).collect();
    while let Some(value) = next.pop() {
        walk(value, "", &mut |pointer, value| {
            assert!(value.get("enum").is_none(), "{pointer}: a closed enumeration in {value}");
            assert!(
                value.get("additionalProperties") != Some(&Value::Bool(false)),
                "{pointer}: a closed object"
            );
            if value.get("x-extensible-enum").is_some() {
                open.push(value);
            }
            let reference = value.get("$ref").and_then(Value::as_str).map(|text| text.trim_start_matches('#'));
            if let Some(reference) = reference.filter(|reference| seen.insert((*reference).to_owned())) {
                next.push(document.pointer(reference).expect("a component"));
            }
        });
    }
    assert!(open.len() >= 9, "{open:?}");
}

#[test]
fn no_delete_has_a_body_and_every_created_resource_has_a_location() {
    let document = document();
    let mut locations = 0;
    for (name, operation) in operations(&document) {
        assert!(!name.starts_with("delete ") || operation["requestBody"].is_null(), "{name}");
        let created = &operation["responses"]["201"];
        if created.is_object() {
            assert!(created["headers"]["Location"].is_object(), "{name}: no Location");
            locations += 1;
        }
        for accepted in [&operation["responses"]["202"]] {
            if accepted["content"].is_object() {
                assert!(accepted["headers"]["Location"].is_object(), "{name}: no Location");
                locations += 1;
            }
        }
    }
    assert_eq!(locations, 5);
}

/// Forms that some generator or linter does not read.
#[test]
fn the_document_has_only_forms_that_every_generator_reads() {
    let document = document();
    let formats = ["int32", "int64", "uuid", "date-time"];
    walk(&document, "", &mut |pointer, value| {
        if let Some(content) = value.get("content").and_then(Value::as_object) {
            let parameters = content.keys().find(|name| name.contains(';'));
            assert_eq!(parameters, None, "{pointer}: a media type with parameters");
        }
        if let Some(parts) = value.get("allOf").and_then(Value::as_array) {
            let references = parts.iter().filter(|part| part.get("$ref").is_some()).count();
            assert!(references != 1, "{pointer}: a reference inside an allOf");
        }
        if let Some(format) = value.get("format").and_then(Value::as_str) {
            assert!(formats.contains(&format), "{pointer}: the format {format}");
        }
    });
    let schemas = document["components"]["schemas"].as_object().expect("schemas");
    for (name, operation) in operations(&document) {
        let id = operation["operationId"].as_str().expect("an id");
        let capital = format!("{}{}", id[..1].to_uppercase(), &id[1..]);
        // Generators make these types of an operation.
        for made in ["Response", "Params", "Data", "Error", "Errors", "JSONRequestBody"] {
            assert!(!schemas.contains_key(&format!("{capital}{made}")), "{name}: the schema {capital}{made}");
        }
    }
    // Generators of Go make a function of this name for `Event`.
    let constructors: Vec<_> = schemas.keys().filter(|name| name.starts_with("New")).collect();
    assert!(constructors.is_empty(), "{constructors:?}");
}

#[test]
fn every_response_documents_its_headers() {
    let document = document();
    for (name, operation) in operations(&document) {
        for (status, response) in operation["responses"].as_object().expect("responses") {
            let headers = response["headers"].as_object().unwrap_or_else(|| panic!("{name} {status}: no headers"));
            let mut expected = vec!["X-Request-Id", "Cache-Control"];
            expected.extend(match status.as_str() {
                "401" => &["WWW-Authenticate"][..],
                "429" => &["Retry-After", "RateLimit", "RateLimit-Policy"],
                "503" => &["Retry-After"],
                "415" if name.starts_with("patch ") => &["Accept-Patch"],
                _ => &[],
            });
            for header in expected {
                assert!(headers.contains_key(header), "{name} {status}: no {header}");
            }
        }
    }
}
