//! The event `rate_limited`: one per key and minute, with the number of refusals.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::golden::assert_golden;
use crate::support::app::{PASSWORD, TestApp};
use crate::support::clock::TestClock;
use crate::support::database::Backend;
use crate::support::flow_tests;
use crate::support::nats::StreamMessage;
use crate::support::wait::eventually;

flow_tests! {
    refusals_are_recorded_once_per_key_and_minute,
    pending_refusals_are_recorded_at_shutdown,
}

const TIMEOUT: Duration = Duration::from_secs(60);
const MINUTE: Duration = Duration::from_secs(60);

async fn spawn_limited(backend: Backend) -> (TestApp, TestClock) {
    let clock = TestClock::frozen();
    let app = TestApp::builder(backend)
        .clock(clock.clone())
        .settings(|settings| {
            settings.limits.enabled = true;
            settings.limits.login_account_network.count = 1;
            settings.limits.register.count = 1;
            settings.redis.timeout = Duration::from_secs(5);
            settings.http.trusted_proxies = vec!["127.0.0.1/32".parse().expect("a network")];
        })
        .spawn()
        .await;
    (app, clock)
}

async fn from(app: &TestApp, network: &str, path: &str, body: &Value) -> u16 {
    let request = app.request(Method::POST, path).json(body);
    let answer = app.send(request.header("x-forwarded-for", network)).await;
    answer.status.as_u16()
}

fn rate_limited_events(events: Vec<StreamMessage>) -> Vec<StreamMessage> {
    let is_rate_limited = |event: &StreamMessage| event.subject == "auth.system.rate_limited";
    events.into_iter().filter(is_rate_limited).collect()
}

async fn until_recorded(app: &TestApp, count: usize) -> Vec<StreamMessage> {
    eventually(TIMEOUT, || async {
        let found = rate_limited_events(app.events().await);
        if found.len() < count {
            Err(found.len())
        } else {
            Ok(found)
        }
    })
    .await
}

async fn refusals_are_recorded_once_per_key_and_minute(backend: Backend) {
    let (app, clock) = spawn_limited(backend).await;
    let login = json!({"identifier": "Nobody@Example.com", "password": "not the password"});
    let register = json!({"email": "ada@example.com", "password": PASSWORD});
    assert_eq!(from(&app, "192.0.2.1", "/auth/login", &login).await, 401);
    assert_eq!(from(&app, "192.0.2.1", "/auth/register", &register).await, 201);
    for _ in 0..5 {
        assert_eq!(from(&app, "192.0.2.1", "/auth/login", &login).await, 429);
    }
    for _ in 0..3 {
        assert_eq!(from(&app, "192.0.2.1", "/auth/register", &register).await, 429);
    }
    assert!(rate_limited_events(app.events().await).is_empty(), "a request recorded an event");
    let refused = app.metric("watchword_limit_refusals_total", "limiter=\"register\"").await;
    assert!((refused - 3.0).abs() < 0.1, "{refused}");

    clock.advance(MINUTE);
    let events = until_recorded(&app, 2).await;
    let data: Vec<_> = events.iter().map(|event| &event.payload["data"]).collect();
    assert_eq!((&data[0]["limiter"], &data[0]["count"]), (&json!("login_account_network"), &json!(5)));
    assert_eq!((&data[1]["limiter"], &data[1]["count"]), (&json!("register"), &json!(3)));
    let failed = app.events().await.into_iter().find(|event| event.subject.ends_with("login_failed"));
    let failed = failed.expect("a failed login").payload;
    assert_eq!(
        data[0]["identifierHash"], failed["data"]["identifierHash"],
        "the hashes of one identifier differ"
    );
    assert_eq!(data[1].get("identifierHash"), None);
    for data in data {
        assert_eq!((&data["ip"], data.get("userId")), (&json!("192.0.2.1"), None));
    }
    assert_golden("rate_limited", &events[0]);

    // A minute without refusals records no event.
    clock.advance(MINUTE);
    from(&app, "192.0.2.1", "/auth/register", &register).await;
    clock.advance(MINUTE);
    let events = until_recorded(&app, 3).await;
    assert_eq!(events.len(), 3);
    assert_eq!(events[2].payload["data"]["count"], 1);
    app.finish().await;
}

async fn pending_refusals_are_recorded_at_shutdown(backend: Backend) {
    let (mut app, clock) = spawn_limited(backend).await;
    let register = |n: usize| json!({"email": format!("ada{n}@example.com"), "password": PASSWORD});
    assert_eq!(from(&app, "192.0.2.1", "/auth/register", &register(0)).await, 201);
    assert_eq!(from(&app, "192.0.2.1", "/auth/register", &register(1)).await, 429);
    app.restart(clock).await;
    assert_eq!(app.event_names().await, ["registered", "rate_limited"]);
    app.finish().await;
}
