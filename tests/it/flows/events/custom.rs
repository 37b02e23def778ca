//! Custom events that an application records about its user.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::clock::TestClock;
use crate::support::database::Backend;
use crate::support::flow_tests;
use crate::support::http::Answer;

flow_tests! {
    a_custom_event_reaches_the_stream,
    a_refused_custom_event_is_not_recorded,
    custom_events_are_rate_limited,
}

async fn record(app: &TestApp, access: &str, body: &Value) -> Answer {
    app.send_as(access, Method::POST, "/events", body).await
}

async fn a_custom_event_reaches_the_stream(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let registered = app.registered("ada@example.com").await;
    let (user, access) = (registered.str("/user/id").to_owned(), registered.tokens().access);
    let attributes = json!({"playlist": "road-trip", "tracks": [1, 2.5, null, {"deep": true}], "big": 18_446_744_073_709_551_615_u64});
    let body = json!({"name": "playlist_shared", "attributes": attributes});
    let first = record(&app, &access, &body).await.expect_status(202);
    let second = record(&app, &access, &json!({"name": "Seen.it-2"})).await.expect_status(202);

    let events = app.events().await;
    assert_eq!(events.len(), 3);
    let event = &events[1];
    assert_eq!(event.subject, "auth.user.custom");
    assert_eq!(event.header("Nats-Msg-Id"), Some(first.str("/id")));
    assert_eq!(event.header("ce-subject"), Some(user.as_str()));
    let data = &event.payload["data"];
    assert_eq!(data["name"], "playlist_shared");
    assert_eq!(data["attributes"], attributes);
    assert_eq!(data["actor"], json!({"type": "user", "id": user}));
    assert_eq!((&data["userId"], &data["userSeq"]), (&json!(user), &json!(2)));
    assert_eq!(events[2].payload["id"], second.str("/id"));
    assert_eq!(events[2].payload["data"].get("attributes"), None);
    app.finish().await;
}

/// Attributes with `count` keys.
fn keys(count: usize) -> Value {
    (0..count)
        .map(|n| (format!("key{n}"), json!(n)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

async fn a_refused_custom_event_is_not_recorded(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let access = app.registered("ada@example.com").await.tokens().access;
    let with = |attributes: Value| json!({"name": "shared", "attributes": attributes});
    let deep = json!({"a": keys(16), "b": [keys(15)]});
    // `{"a":"…"}` has eight bytes in addition to the text.
    let text = |bytes: usize| json!({"a": "x".repeat(bytes - 8)});
    for (body, pointer, code) in [
        (json!({}), "/name", "required"),
        (json!({"name": ""}), "/name", "empty"),
        (json!({"name": "7up"}), "/name", "invalid_format"),
        (json!({"name": "a b"}), "/name", "invalid_format"),
        (json!({"name": "a".repeat(65)}), "/name", "too_long"),
        (json!({"name": "shared", "userId": "x"}), "/userId", "unknown_field"),
        (with(json!([])), "/attributes", "wrong_type"),
        (with(Value::Null), "/attributes", "wrong_type"),
        (with(keys(33)), "/attributes", "too_many_keys"),
        (with(deep), "/attributes", "too_many_keys"),
        (with(text(4097)), "/attributes", "too_large"),
        (with(json!({"": 1})), "/attributes", "invalid_key"),
        (with(json!({"a": [{"Refresh-Token": 1}]})), "/attributes", "secret"),
        (with(json!({"note": access})), "/attributes", "secret"),
        (with(json!({"note": "tab\there"})), "/attributes/note", "control_character"),
    ] {
        let answer = record(&app, &access, &body).await.expect_problem(422, "validation_failed");
        assert_eq!(answer.str("/errors/0/pointer"), format!("#{pointer}"), "{body}: {}", answer.text);
        assert_eq!(answer.str("/errors/0/code"), code, "{body}: {}", answer.text);
    }
    app.post("/events", &json!({"name": "shared"}))
        .await
        .expect_problem(401, "authentication_required");
    assert_eq!(app.event_names().await, ["registered"]);
    // Attributes at the limits are accepted.
    record(&app, &access, &with(keys(32))).await.expect_status(202);
    record(&app, &access, &with(text(4096))).await.expect_status(202);
    app.logout(&access, "local").await.expect_status(204);
    record(&app, &access, &json!({"name": "late"})).await.expect_problem(401, "invalid_token");
    assert_eq!(app.event_names().await, ["registered", "custom", "custom", "logged_out"]);
    app.finish().await;
}

async fn custom_events_are_rate_limited(backend: Backend) {
    let clock = TestClock::frozen();
    let builder = TestApp::builder(backend).clock(clock.clone()).settings(|settings| {
        settings.limits.enabled = true;
        settings.limits.custom.count = 2;
        // On a busy machine Redis may take longer than the default allows.
        settings.redis.timeout = Duration::from_secs(5);
    });
    let app = builder.spawn().await;
    let access = app.registered("ada@example.com").await.tokens().access;
    let body = json!({"name": "shared"});
    for _ in 0..2 {
        record(&app, &access, &body).await.expect_status(202);
    }
    record(&app, &access, &body).await.expect_problem(429, "rate_limited");
    assert_eq!(app.event_names().await, ["registered", "custom", "custom"]);
    clock.advance(Duration::from_secs(60));
    record(&app, &access, &body).await.expect_status(202);
    app.finish().await;
}
