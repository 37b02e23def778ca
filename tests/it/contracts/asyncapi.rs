//! `docs/reference/asyncapi.json` equals the output of the program and the document that the
//! service serves.

use serde_json::Value;
use watchword::app::commands;

use crate::support::app::TestApp;
use crate::support::database::Backend;

const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/reference/asyncapi.json");

#[test]
fn the_committed_document_is_up_to_date() {
    let committed = std::fs::read_to_string(COMMITTED).unwrap_or_default();
    let printed = commands::asyncapi().expect("the document");
    assert!(committed == printed, "docs/reference/asyncapi.json is stale: run `make generate`");
}

/// With a base path, which a wrong link would lack.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_serves_the_schemas_of_its_events() {
    let app = TestApp::builder(Backend::Sqlite)
        .settings(|settings| {
            settings.http.base_path = "/api/v1".to_owned();
            settings.http.public_url = "https://auth.example.com".to_owned();
            settings.stream.max_msgs = 5_000;
        })
        .spawn()
        .await;
    let http = app.http();
    let body = serde_json::json!({ "email": "ada@example.com", "password": crate::support::app::PASSWORD });
    http.post("/api/v1/auth/register", &body).await.expect_status(201);
    app.ledger_drained().await;
    let event = app.events().await.remove(0);
    let link = event.payload["metadata"]["dataschema"].as_str().expect("a link").to_owned();
    assert_eq!(event.header("ce-dataschema"), Some(link.as_str()));
    // The identifier is the same on every installation, and each serves a copy.
    let path = link
        .strip_prefix("https://watchword-auth.github.io/watchword")
        .expect("the project's address");
    let schema = http.get(&format!("/api/v1{path}")).await.expect_status(200).json;
    assert_eq!(schema["$id"], link);
    jsonschema::validate(&schema, &event.payload).expect("the event matches the schema it links to");

    let document: Value = http.get("/api/v1/asyncapi.json").await.expect_status(200).json;
    assert_eq!(document["x-jetstream"]["stream"]["max_msgs"], 5_000);
    let message = &document["components"]["messages"]["registered.v1"];
    assert_eq!(message["x-json-schema"], link);

    let page = http.get("/api/v1/events-docs").await.expect_status(200);
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    let policy = page.header("content-security-policy").expect("a policy");
    assert!(
        policy.starts_with("default-src 'none'") && policy.matches("'sha256-").count() == 1,
        "{policy}"
    );
    assert!(page.text.contains("at most 5\u{a0}000"));
    for link in page.text.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
        if !link.starts_with('#') {
            http.get(&format!("/api/v1/{link}")).await.expect_status(200);
        }
    }
    app.finish().await;
}
