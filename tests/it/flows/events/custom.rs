//! Custom events that an application records about its user.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use watchword::config::Settings;

use crate::support::app::TestApp;
use crate::support::clock::TestClock;
use crate::support::database::Backend;
use crate::support::flow_tests;
use crate::support::http::Answer;
use crate::support::invariants::differences;
use crate::support::nats::NatsServer;

flow_tests! {
    a_custom_event_reaches_the_stream,
    custom_events_take_no_place_among_what_happened_to_the_user,
    custom_events_of_all_names_are_one_kind,
    custom_events_can_be_switched_off,
    a_refused_custom_event_is_not_recorded,
    custom_events_are_rate_limited,
    a_custom_event_of_the_largest_size_is_published_whole,
    a_custom_event_that_the_stream_does_not_take_whole_is_cut,
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
    let second = record(&app, &access, &json!({"name": "seen-it_2"})).await.expect_status(202);

    let events = app.events().await;
    assert_eq!(events.len(), 3);
    let event = &events[1];
    assert_eq!(
        (event.subject.as_str(), &event.payload["subject"]),
        ("auth.custom.playlist_shared", &json!(event.subject))
    );
    assert_eq!(event.header("ce-type"), Some("io.github.watchword-auth.auth.custom.playlist_shared.v1"));
    assert_eq!(
        (event.header("ce-partitionkey"), event.header("ce-sequence")),
        (Some(user.as_str()), None)
    );
    assert_eq!(event.header("Nats-Msg-Id"), Some(first.str("/id")));
    assert_eq!(event.header("ce-subject"), Some(user.as_str()));
    let data = &event.payload["data"];
    assert_eq!(data["name"], "playlist_shared");
    assert_eq!(data["attributes"], attributes);
    assert_eq!(data["actor"], json!({"type": "user", "id": user}));
    assert_eq!((&data["userId"], data.get("userSeq")), (&json!(user), None));
    assert_eq!(events[2].subject, "auth.custom.seen-it_2");
    assert_eq!(events[2].payload["id"], second.str("/id"));
    assert_eq!(events[2].payload["data"].get("attributes"), None);
    app.finish().await;
}

async fn custom_events_take_no_place_among_what_happened_to_the_user(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let access = app.registered("ada@example.com").await.tokens().access;
    for name in ["one", "two"] {
        record(&app, &access, &json!({"name": name})).await.expect_status(202);
    }
    app.logout(&access, "local").await.expect_status(204);
    let numbers: Vec<Option<i64>> = app.ledger().await.iter().map(|row| row.user_seq).collect();
    assert_eq!(numbers, [Some(1), None, None, Some(2)]);
    app.finish().await;
}

/// Labels of metrics, rows of counts and values of filters: a user could mint them otherwise.
async fn custom_events_of_all_names_are_one_kind(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let admin = app.admin().await.access;
    let names = ["zoo", "a", "logged_in", "registered"];
    for name in names {
        record(&app, &admin, &json!({"name": name})).await.expect_status(202);
    }
    app.ledger_drained().await;
    for metric in ["watchword_event_recorded_total", "watchword_event_published_total"] {
        let counted = app.metric(metric, r#"subject="auth.custom""#).await;
        assert!((counted - 4.0).abs() < 0.1, "{metric}: {counted}");
        let labels = app.metrics().await;
        assert!(!labels.contains("auth.custom."), "{labels}");
    }
    let page = app.get_as(&admin, "/events?subject=auth.custom").await.expect_status(200);
    let found: Vec<&str> = page.json["events"]
        .as_array()
        .expect("events")
        .iter()
        .map(|event| event["data"]["name"].as_str().expect("a name"))
        .collect();
    assert_eq!(found, ["registered", "logged_in", "a", "zoo"], "newest first");
    let counts = app.get_as(&admin, "/analytics/top-events").await.expect_status(200);
    let custom: Vec<&Value> = counts.json["counts"]
        .as_array()
        .expect("counts")
        .iter()
        .filter(|count| count.to_string().contains("custom"))
        .collect();
    assert_eq!(custom.len(), 1, "{}", counts.text);
    assert_eq!(custom[0]["count"], 4, "{}", counts.text);
    app.finish().await;
}

async fn custom_events_can_be_switched_off(backend: Backend) {
    let app = TestApp::builder(backend)
        .settings(|settings| settings.events.custom = false)
        .spawn()
        .await;
    let access = app.registered("ada@example.com").await.tokens().access;
    let refused = record(&app, &access, &json!({"name": "shared"})).await;
    refused.expect_problem(501, "custom_events_disabled");
    assert_eq!(app.event_names().await, ["registered"]);
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
    let tokens = app.registered("ada@example.com").await.tokens();
    let (access, refresh) = (tokens.access, tokens.refresh);
    let with = |attributes: Value| json!({"name": "shared", "attributes": attributes});
    let deep = json!({"a": keys(16), "b": [keys(15)]});
    // `{"a":"…"}` has eight bytes in addition to the text.
    let text = |bytes: usize| json!({"a": "x".repeat(bytes - 8)});
    for (body, pointer, code) in [
        (json!({}), "/name", "required"),
        (json!({"name": ""}), "/name", "empty"),
        (json!({"name": "7up"}), "/name", "invalid_format"),
        (json!({"name": "a b"}), "/name", "invalid_format"),
        (json!({"name": "a.b"}), "/name", "invalid_format"),
        (json!({"name": "Shared"}), "/name", "invalid_format"),
        (json!({"name": "_shared"}), "/name", "invalid_format"),
        (json!({"name": "*"}), "/name", "invalid_format"),
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
        (with(json!({"note": format!("bearer  {access}")})), "/attributes", "secret"),
        (with(json!({"a": [refresh]})), "/attributes", "secret"),
        (with(json!({"note": "wlc_AaIbItUneHevCZRaGncm"})), "/attributes", "secret"),
        (with(json!({"note": "wcs_AaIbItUneHevCZRaGncm"})), "/attributes", "secret"),
        (with(json!({"wmc_AaIbItUneHevCZRaGncm": 1})), "/attributes", "secret"),
        (with(json!({"recoveryCodes": []})), "/attributes", "secret"),
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

/// What the API takes at most: 32 keys, the longest names, and 4096 bytes as compact JSON, every
/// second of them an escape.
fn largest() -> Value {
    let long = |n: usize| format!("{n:02}{}", "k".repeat(62));
    let mut attributes: serde_json::Map<_, _> = (0..31).map(|n| (long(n), json!(n))).collect();
    attributes.insert(long(31), json!(""));
    let left = 4096 - Value::from(attributes.clone()).to_string().len();
    let text = "\"".repeat(left / 2) + &"x".repeat(left % 2);
    attributes.insert(long(31), json!(text));
    assert_eq!(Value::from(attributes.clone()).to_string().len(), 4096);
    json!({"name": "n".repeat(64), "attributes": attributes})
}

async fn a_custom_event_of_the_largest_size_is_published_whole(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let access = app.registered("ada@example.com").await.tokens().access;
    let body = largest();
    let refused = json!({"name": "n".repeat(65), "attributes": body["attributes"]});
    record(&app, &access, &refused).await.expect_problem(422, "validation_failed");
    // Single messages, and a batch once NATS is back.
    record(&app, &access, &body).await.expect_status(202);
    app.ledger_drained().await;
    app.nats.pause();
    for _ in 0..40 {
        record(&app, &access, &body).await.expect_status(202);
    }
    app.nats.resume();
    let events = app.events().await;
    assert_eq!(events.len(), 42);
    for event in &events[1..] {
        assert_eq!(event.payload["data"]["attributes"], body["attributes"]);
        assert_eq!(event.payload["data"].get("truncated"), None);
    }
    assert!(app.metric("watchword_event_truncated_total", "").await < 0.5);
    app.finish().await;
}

/// The event's place in the stream is taken, and its details are in the ledger.
async fn a_custom_event_that_the_stream_does_not_take_whole_is_cut(backend: Backend) {
    let nats = NatsServer::start().await;
    let stream = Settings::load_from(None, []).expect("the defaults").stream;
    let mut definition = watchword::jetstream::desired(&stream).expect("the definition");
    // Ordinary events fit, with room for headers.
    definition.max_message_size = 5000;
    nats.jetstream().await.create_stream(definition).await.expect("create the stream");
    let app = TestApp::builder(backend).nats(nats).spawn().await;
    let admin = app.admin().await.access;
    let body = largest();
    let id = record(&app, &admin, &body).await.expect_status(202).str("/id").to_owned();
    record(&app, &admin, &json!({"name": "small"})).await.expect_status(202);

    let events = app.events().await;
    let differences = differences(&app.ledger().await, &events);
    assert_eq!(differences.len(), 1, "{differences:?}");
    assert!(differences[0].starts_with("altered") && differences[0].contains(&id), "{differences:?}");
    let cut = events.iter().find(|event| event.header("Nats-Msg-Id") == Some(&id)).expect("the event");
    assert_eq!(cut.payload["data"]["truncated"], true);
    assert_eq!((&cut.payload["id"], &cut.payload["data"]["name"]), (&json!(id), &body["name"]));
    assert!(cut.bytes.len() < 4096, "{}", cut.bytes.len());
    let whole = app.get_as(&admin, &format!("/events/{id}")).await.expect_status(200);
    assert_eq!(whole.json["data"]["attributes"], body["attributes"]);
    assert!((app.metric("watchword_event_truncated_total", "").await - 1.0).abs() < 0.5);
    app.abandon().await;
}
