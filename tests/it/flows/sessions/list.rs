//! Listing and revoking the caller's sessions.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::app::{PASSWORD, TestApp};
use crate::support::clock::TestClock;
use crate::support::database::Backend;
use crate::support::flow_tests;
use crate::support::http::{Answer, Tokens};
use crate::support::wait::seen_within;

flow_tests! {
    sessions_are_listed_and_revoked,
    another_users_session_answers_like_an_unknown_one,
    the_oldest_session_is_revoked_beyond_the_limit,
    deleting_sessions_skips_expired_ones,
    an_administrator_revokes_no_expired_session,
    a_logout_of_expired_sessions_records_no_event,
    expired_sessions_leave_room_for_logins,
    an_expired_session_does_not_count_towards_the_limit,
}

/// The ids of the listed sessions.
fn listed(list: &Value) -> Vec<String> {
    let items = list.as_array().or_else(|| list.get("sessions").and_then(Value::as_array));
    let ids = items.into_iter().flatten().filter_map(|session| session.get("id")?.as_str());
    ids.map(str::to_owned).collect()
}

async fn sessions_are_listed_and_revoked(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let first = app.registered("ada@example.com").await.tokens();
    let second = app.login("ada@example.com", PASSWORD).await.tokens();
    let third = app.login("ada@example.com", PASSWORD).await.tokens();
    let list = app.get_as(&first.access, "/auth/sessions").await.expect_status(200);
    let mut ids = listed(&list.json);
    ids.sort();
    let mut expected = [first.session(), second.session(), third.session()];
    expected.sort();
    assert_eq!(ids, expected, "{}", list.text);

    let path = format!("/auth/sessions/{}", second.session());
    app.send_as(&first.access, Method::DELETE, &path, &Value::Null).await.expect_status(204);
    app.me(&second.access).await.expect_problem(401, "invalid_token");
    app.refresh(&second.refresh).await.expect_problem(401, "invalid_refresh_token");
    app.send_as(&first.access, Method::DELETE, &path, &Value::Null)
        .await
        .expect_problem(404, "not_found");

    app.send_as(&first.access, Method::DELETE, "/auth/sessions", &Value::Null)
        .await
        .expect_status(204);
    app.me(&third.access).await.expect_problem(401, "invalid_token");
    app.me(&first.access).await.expect_status(200);
    let list = app.get_as(&first.access, "/auth/sessions").await.expect_status(200);
    assert_eq!(listed(&list.json), [first.session()]);
    app.finish().await;
}

async fn another_users_session_answers_like_an_unknown_one(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let ada = app.registered("ada@example.com").await.tokens();
    let bob = app.registered("bob@example.com").await.tokens();
    let revoke = |id: String| {
        let path = format!("/auth/sessions/{id}");
        let (app, access) = (&app, &ada.access);
        async move {
            app.send_as(access, Method::DELETE, &path, &Value::Null)
                .await
                .expect_problem(404, "not_found")
        }
    };
    let foreign = revoke(bob.session()).await;
    let unknown = revoke(Uuid::from_u128(7).to_string()).await;
    let without_id = |mut body: Value| body.as_object_mut().and_then(|body| body.remove("requestId")).map(|_| body);
    assert_eq!(without_id(foreign.json), without_id(unknown.json));
    app.me(&bob.access).await.expect_status(200);
    assert!(!listed(&app.get_as(&ada.access, "/auth/sessions").await.json).contains(&bob.session()));
    app.finish().await;
}

async fn the_oldest_session_is_revoked_beyond_the_limit(backend: Backend) {
    let clock = TestClock::frozen();
    let builder = TestApp::builder(backend).clock(clock.clone());
    let app = builder.settings(|settings| settings.sessions.max_per_user = 2).spawn().await;
    let first = app.registered("ada@example.com").await.tokens();
    clock.advance(Duration::from_secs(1));
    let second = app.login("ada@example.com", PASSWORD).await.tokens();
    clock.advance(Duration::from_secs(1));
    let third = app.login("ada@example.com", PASSWORD).await.tokens();
    app.me(&first.access).await.expect_problem(401, "invalid_token");
    app.me(&second.access).await.expect_status(200);
    app.me(&third.access).await.expect_status(200);
    let events = app.events().await;
    let revoked = events
        .iter()
        .rfind(|event| event.subject == "auth.user.session_revoked")
        .expect("session_revoked");
    assert_eq!(revoked.payload["data"]["reason"], json!("limit"));
    assert_eq!(revoked.payload["data"]["sessionId"], json!(first.session()));
    app.finish().await;
}

/// The sessions and reasons in the user's `session_revoked` events, in order.
async fn revoked_sessions(app: &TestApp, user: &Value) -> Vec<(String, String)> {
    let events = app.events().await;
    let revoked = events.iter().filter(|event| event.subject == "auth.user.session_revoked");
    let about = revoked.map(|event| &event.payload["data"]).filter(|data| data["userId"] == *user);
    let sessions = about.flat_map(|data| {
        let ended = data["endedSessionIds"].as_array().expect("sessions");
        ended.iter().map(|session| (text(session), text(&data["reason"])))
    });
    sessions.collect()
}

fn text(value: &Value) -> String {
    value.as_str().expect("a string").to_owned()
}

const HOUR: Duration = Duration::from_secs(3600);

const ADA: &str = "ada@example.com";

/// A user with two active and two expired sessions: one reached its absolute lifetime, one was
/// idle.
struct Fixture {
    app: TestApp,
    clock: TestClock,
    user: Value,
    expired: [Tokens; 2],
    current: Tokens,
    other: Tokens,
}

impl Fixture {
    async fn new(backend: Backend) -> Self {
        let clock = TestClock::frozen();
        let builder = TestApp::builder(backend).clock(clock.clone());
        let app = builder
            .settings(|settings| {
                settings.sessions.absolute_ttl = 72 * HOUR;
                settings.sessions.idle_ttl = 48 * HOUR;
                settings.sessions.max_per_user = 4;
            })
            .spawn()
            .await;
        let registered = app.registered(ADA).await;
        clock.advance(12 * HOUR);
        let idle = login(&app).await;
        clock.advance(24 * HOUR);
        let old = app.refresh(&registered.tokens().refresh).await;
        let old = old.expect_status(200).tokens();
        clock.advance(38 * HOUR);
        let (current, other) = (login(&app).await, login(&app).await);
        Self {
            user: registered.json["user"]["id"].clone(),
            expired: [old, idle],
            app,
            clock,
            current,
            other,
        }
    }

    async fn delete(&self, access: &str, path: &str) -> Answer {
        self.app.send_as(access, Method::DELETE, path, &Value::Null).await
    }

    /// Assert that the expired sessions are still refused.
    async fn finish(self) {
        for tokens in &self.expired {
            self.app.refresh(&tokens.refresh).await.expect_problem(401, "invalid_refresh_token");
        }
        self.app.finish().await;
    }
}

async fn login(app: &TestApp) -> Tokens {
    app.login(ADA, PASSWORD).await.expect_status(200).tokens()
}

async fn deleting_sessions_skips_expired_ones(backend: Backend) {
    let fixture = Fixture::new(backend).await;
    for session in &fixture.expired {
        let path = format!("/auth/sessions/{}", session.session());
        fixture.delete(&fixture.current.access, &path).await.expect_problem(404, "not_found");
    }
    fixture.delete(&fixture.current.access, "/auth/sessions").await.expect_status(204);
    assert_eq!(
        revoked_sessions(&fixture.app, &fixture.user).await,
        [(fixture.other.session(), "logout".to_owned())]
    );
    fixture.finish().await;
}

async fn an_administrator_revokes_no_expired_session(backend: Backend) {
    let fixture = Fixture::new(backend).await;
    let root = fixture.app.admin().await;
    let path = format!("/users/{}/sessions", text(&fixture.user));
    fixture.delete(&root.access, &path).await.expect_status(204);
    let mut revoked = revoked_sessions(&fixture.app, &fixture.user).await;
    revoked.sort();
    let mut active = [&fixture.current, &fixture.other].map(|tokens| (tokens.session(), "admin".to_owned()));
    active.sort();
    assert_eq!(revoked, active);
    fixture.finish().await;
}

async fn a_logout_of_expired_sessions_records_no_event(backend: Backend) {
    let fixture = Fixture::new(backend).await;
    fixture.app.logout(&fixture.other.access, "local").await.expect_status(204);
    fixture.app.logout(&fixture.current.access, "others").await.expect_status(204);
    let names = fixture.app.event_names().await;
    assert_eq!(names.iter().filter(|name| *name == "logged_out").count(), 1);
    fixture.finish().await;
}

async fn expired_sessions_leave_room_for_logins(backend: Backend) {
    let fixture = Fixture::new(backend).await;
    fixture.clock.advance(HOUR);
    login(&fixture.app).await;
    login(&fixture.app).await;
    assert_eq!(revoked_sessions(&fixture.app, &fixture.user).await, []);
    login(&fixture.app).await;
    let revoked = revoked_sessions(&fixture.app, &fixture.user).await;
    assert_eq!(revoked.len(), 1, "{revoked:?}");
    assert!(
        [fixture.current.session(), fixture.other.session()].contains(&revoked[0].0),
        "one of the two oldest sessions"
    );
    fixture.finish().await;
}

/// The oldest session is active. A younger one has expired.
async fn an_expired_session_does_not_count_towards_the_limit(backend: Backend) {
    let clock = TestClock::frozen();
    let builder = TestApp::builder(backend).clock(clock.clone());
    let app = builder
        .settings(|settings| {
            settings.sessions.idle_ttl = 48 * HOUR;
            settings.sessions.max_per_user = 2;
        })
        .spawn()
        .await;
    let email = "ada@example.com";
    let oldest = app.registered(email).await.tokens();
    clock.advance(HOUR);
    app.login(email, PASSWORD).await.expect_status(200);
    clock.advance(24 * HOUR);
    let oldest = app.refresh(&oldest.refresh).await.expect_status(200).tokens();
    clock.advance(24 * HOUR);
    let newest = app.login(email, PASSWORD).await.expect_status(200).tokens();
    let list = app.get_as(&newest.access, "/auth/sessions").await.expect_status(200);
    assert_eq!(listed(&list.json), [newest.session(), oldest.session()]);
    app.refresh(&oldest.refresh).await.expect_status(200);
    app.finish().await;
}

/// Also if the session cache of the instance contains the token.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revocation_reaches_every_instance_within_a_second() {
    let app = TestApp::spawn(Backend::Postgres).await;
    let mut second = app.second_instance(TestClock::running()).await;
    let tokens = app.registered("ada@example.com").await.tokens();
    for _ in 0..20 {
        let tokens = app.login("ada@example.com", PASSWORD).await.expect_status(200).tokens();
        second.me(&tokens.access).await.expect_status(200);
        app.logout(&tokens.access, "local").await.expect_status(204);
        seen_within(Duration::from_secs(1), || async { second.me(&tokens.access).await.status == 401 }).await;
    }
    // Refreshes on both instances continue one chain.
    let next = second.refresh(&tokens.refresh).await.expect_status(200).tokens();
    let last = app.refresh(&next.refresh).await.expect_status(200).tokens();
    second.me(&last.access).await.expect_status(200);
    second.stop().await.expect("stop the second instance");
    app.finish().await;
}
