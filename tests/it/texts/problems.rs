//! The bodies of problems. The tests in `coverage` cause most of them.

use serde_json::{Value, json};

use super::assert_text;
use crate::support::run_dir::repository;

/// Compares the body of a problem with the snapshot of its code, without the fields that differ
/// between requests.
pub(crate) fn assert_problem(body: &Value) {
    let mut body = body.clone();
    let code = body["code"].as_str().expect("a code").to_owned();
    let canonical = format!("https://watchword-auth.github.io/watchword/problems/{code}");
    assert_eq!(body["type"], canonical, "the same on every installation");
    body["type"] = json!(format!("[service]/problems/{code}"));
    body["requestId"] = json!("[request id]");
    if let Some(token) = body.get_mut("challengeToken") {
        *token = json!("[challenge token]");
        body["factors"][0]["id"] = json!("[factor id]");
    }
    let text = serde_json::to_string_pretty(&body).expect("JSON");
    assert_text(&format!("problem-{code}"), &text);
}

/// A code without a snapshot has no test of its body.
#[test]
fn every_problem_code_has_a_snapshot() {
    let document = std::fs::read(repository().join("docs/reference/openapi.json")).expect("the document");
    let document: Value = serde_json::from_slice(&document).expect("JSON");
    let codes = document["components"]["schemas"]["ProblemCode"]["x-extensible-enum"].as_array();
    let snapshots = repository().join("tests/it/texts/snapshots");
    let missing: Vec<&str> = codes
        .expect("codes")
        .iter()
        .filter_map(Value::as_str)
        .filter(|code| !snapshots.join(format!("problem-{code}.snap")).exists())
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}
