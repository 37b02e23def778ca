//! A failed login does not reveal its reason: neither the response nor its duration differs.

use std::time::Instant;

use reqwest::header::{DATE, HeaderMap};
use serde_json::Value;

use crate::support::app::{PASSWORD, TestApp};
use crate::support::database::Backend;
use crate::support::flow_tests;
use crate::support::http::Answer;
use crate::support::timing::assert_equal_cost;

flow_tests! {
    a_failed_login_answers_and_costs_the_same_for_every_reason,
    a_failed_login_is_recorded_without_the_identifier_or_password,
}

const WRONG: &str = "not the right password";
/// The reasons for a failure: an unknown account, a wrong password, a disabled account.
const REASONS: [(&str, &str, &str); 3] = [
    ("unknown", "nobody@example.com", PASSWORD),
    ("wrong", "ada@example.com", WRONG),
    ("disabled", "disabled@example.com", PASSWORD),
];

async fn with_accounts(backend: Backend) -> TestApp {
    let app = TestApp::builder(backend).hashing_as_shipped().spawn().await;
    app.registered("ada@example.com").await;
    app.registered("disabled@example.com").await;
    let disable = "UPDATE users SET status = 'disabled' WHERE email = 'disabled@example.com'";
    app.database.execute(disable).await.expect("disable an account");
    app
}

/// The response without the fields that differ between any two requests.
fn comparable(answer: &Answer) -> (u16, HeaderMap, Value) {
    let mut headers = answer.headers.clone();
    headers.remove(DATE);
    headers.remove("x-request-id");
    let mut body = answer.json.clone();
    if let Some(fields) = body.as_object_mut() {
        fields.remove("requestId").expect("a request id");
    }
    (answer.status.as_u16(), headers, body)
}

async fn a_failed_login_answers_and_costs_the_same_for_every_reason(backend: Backend) {
    let app = with_accounts(backend).await;
    let mut answers = Vec::new();
    for (_, identifier, password) in REASONS {
        let answer = app.login(identifier, password).await.expect_problem(401, "invalid_credentials");
        answers.push(comparable(&answer));
    }
    for (answer, (reason, ..)) in answers.iter().zip(REASONS) {
        assert_eq!(Some(answer), answers.first(), "the response for {reason} differs");
    }
    assert_equal_cost(REASONS.map(|(reason, ..)| reason), async |reason| {
        let (_, identifier, password) = REASONS[reason];
        let start = Instant::now();
        let answer = app.login(identifier, password).await;
        let elapsed = start.elapsed();
        answer.expect_problem(401, "invalid_credentials");
        elapsed
    })
    .await;
    app.finish().await;
}

async fn a_failed_login_is_recorded_without_the_identifier_or_password(backend: Backend) {
    let app = with_accounts(backend).await;
    for (_, identifier, password) in REASONS {
        app.login(identifier, password).await.expect_problem(401, "invalid_credentials");
        app.login(&identifier.to_uppercase(), password)
            .await
            .expect_problem(401, "invalid_credentials");
    }
    let events = app.events().await;
    let failed: Vec<_> = events.iter().filter(|event| event.subject == "auth.user.login_failed").collect();
    let reasons: Vec<_> = failed.iter().filter_map(|event| event.payload["data"]["reason"].as_str()).collect();
    let expected = [
        "unknown_account",
        "unknown_account",
        "wrong_password",
        "wrong_password",
        "disabled",
        "disabled",
    ];
    assert_eq!(reasons, expected);
    for pair in failed.chunks(2) {
        let hashes: Vec<_> = pair.iter().map(|event| &event.payload["data"]["identifierHash"]).collect();
        assert!(hashes[0].is_string() && hashes[0] == hashes[1], "one hash per identifier in any spelling");
    }
    for event in &failed[..2] {
        assert_eq!(event.payload["data"].get("userId"), None, "the user is unknown");
        assert_eq!(event.header("ce-subject"), None);
    }
    for event in &events {
        let text = String::from_utf8_lossy(&event.bytes);
        for secret in [PASSWORD, WRONG, "nobody@example.com", "NOBODY"] {
            assert!(!text.contains(secret), "{secret} is in {text}");
        }
    }
    app.finish().await;
}
