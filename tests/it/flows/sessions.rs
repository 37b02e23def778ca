//! Listing and ending one's own sessions, and only one's own.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::app::{PASSWORD, TestApp};
use crate::support::clock::TestClock;
use crate::support::database::Backend;
use crate::support::flow_tests;
use crate::support::http::Tokens;

flow_tests! {
    sessions_are_listed_and_ended => list_and_end_on,
    foreign_and_unknown_sessions_look_alike => foreign_on,
    the_oldest_session_makes_room => cap_on,
    sessions_that_ran_out_are_not_ended_again => ran_out_on,
    a_session_that_ran_out_takes_no_place => place_on,
}

/// The sessions of a list answer: an array, or an object with one.
fn listed(list: &Value) -> Vec<String> {
    let items = list
        .as_array()
        .or_else(|| list.get("sessions").and_then(Value::as_array));
    let ids = items
        .into_iter()
        .flatten()
        .filter_map(|session| session.get("id")?.as_str());
    ids.map(str::to_owned).collect()
}

async fn list_and_end_on(backend: Backend) {
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
    app.send_as(&first.access, Method::DELETE, &path, &Value::Null)
        .await
        .expect_status(204);
    app.me(&second.access).await.expect_problem(401, "invalid_token");
    app.refresh(&second.refresh)
        .await
        .expect_problem(401, "invalid_refresh_token");
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

async fn foreign_on(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let ada = app.registered("ada@example.com").await.tokens();
    let bob = app.registered("bob@example.com").await.tokens();
    let end = |id: String| {
        let path = format!("/auth/sessions/{id}");
        let (app, access) = (&app, &ada.access);
        async move {
            app.send_as(access, Method::DELETE, &path, &Value::Null)
                .await
                .expect_problem(404, "not_found")
        }
    };
    let foreign = end(bob.session()).await;
    let unknown = end(Uuid::from_u128(7).to_string()).await;
    let without_id = |mut body: Value| {
        body.as_object_mut()
            .and_then(|body| body.remove("requestId"))
            .map(|_| body)
    };
    assert_eq!(without_id(foreign.json), without_id(unknown.json));
    app.me(&bob.access).await.expect_status(200);
    assert!(!listed(&app.get_as(&ada.access, "/auth/sessions").await.json).contains(&bob.session()));
    app.finish().await;
}

async fn cap_on(backend: Backend) {
    let clock = TestClock::frozen();
    let builder = TestApp::builder(backend).clock(clock.clone());
    let app = builder
        .settings(|settings| settings.sessions.max_per_user = 2)
        .spawn()
        .await;
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

/// The sessions that the user's events say were ended, with the reasons, in order.
async fn ended(app: &TestApp, user: &Value) -> Vec<(String, String)> {
    let events = app.events().await;
    let revoked = events
        .iter()
        .filter(|event| event.subject == "auth.user.session_revoked");
    let ended = revoked.filter_map(|event| {
        let event = &event.payload;
        let about = event["data"]["userId"] == *user;
        about.then(|| (text(&event["data"]["sessionId"]), text(&event["data"]["reason"])))
    });
    ended.collect()
}

fn text(value: &Value) -> String {
    value.as_str().expect("a string").to_owned()
}

const HOUR: Duration = Duration::from_secs(3600);

/// Registers somebody; their two sessions have run out 74 hours later: one is past its absolute end, one was idle for too long.
async fn ran_out(app: &TestApp, clock: &TestClock, emails: &[&str]) -> (Vec<Value>, Vec<[Tokens; 2]>) {
    let (mut users, mut sessions) = (Vec::new(), Vec::new());
    for email in emails {
        let registered = app.registered(email).await;
        users.push(registered.json["user"]["id"].clone());
        sessions.push([registered.tokens(), registered.tokens()]);
    }
    clock.advance(12 * HOUR);
    for ([_, idle], email) in sessions.iter_mut().zip(emails) {
        *idle = app.login(email, PASSWORD).await.expect_status(200).tokens();
    }
    clock.advance(24 * HOUR);
    for [old, _] in &mut sessions {
        *old = app.refresh(&old.refresh).await.expect_status(200).tokens();
    }
    clock.advance(38 * HOUR);
    (users, sessions)
}

/// Neither an answer nor an event counts a session that had run out as one that was ended.
async fn ran_out_on(backend: Backend) {
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
    let emails = [
        "list@example.com",
        "admin@example.com",
        "logout@example.com",
        "limit@example.com",
    ];
    let (users, ran_out) = ran_out(&app, &clock, &emails).await;
    let root = app.admin().await;
    let (mut own, mut other) = (Vec::new(), Vec::new());
    for email in emails {
        own.push(app.login(email, PASSWORD).await.expect_status(200).tokens());
        other.push(app.login(email, PASSWORD).await.expect_status(200).tokens());
    }
    let end = |access: &str, path: &str| {
        let (app, access, path) = (&app, access.to_owned(), path.to_owned());
        async move { app.send_as(&access, Method::DELETE, &path, &Value::Null).await }
    };

    for session in &ran_out[0] {
        let path = format!("/auth/sessions/{}", session.session());
        end(&own[0].access, &path).await.expect_problem(404, "not_found");
    }
    end(&own[0].access, "/auth/sessions").await.expect_status(204);
    assert_eq!(
        ended(&app, &users[0]).await,
        [(other[0].session(), "logout".to_owned())]
    );

    let path = format!("/users/{}/sessions", text(&users[1]));
    end(&root.access, &path).await.expect_status(204);
    let mut by_admin = ended(&app, &users[1]).await;
    by_admin.sort();
    let mut live = [own[1].session(), other[1].session()].map(|session| (session, "admin".to_owned()));
    live.sort();
    assert_eq!(by_admin, live);

    // Nothing is left to end: no event either.
    app.logout(&other[2].access, "local").await.expect_status(204);
    app.logout(&own[2].access, "others").await.expect_status(204);
    let names = app.event_names().await;
    assert_eq!(names.iter().filter(|name| *name == "logged_out").count(), 1);

    // Those that have run out take nobody's place.
    clock.advance(HOUR);
    for _ in 0..2 {
        app.login(emails[3], PASSWORD).await.expect_status(200);
    }
    assert_eq!(ended(&app, &users[3]).await, []);
    app.login(emails[3], PASSWORD).await.expect_status(200);
    let made_room = ended(&app, &users[3]).await;
    assert_eq!(made_room.len(), 1, "{made_room:?}");
    assert!(
        [own[3].session(), other[3].session()].contains(&made_room[0].0),
        "at the same moment"
    );

    for tokens in ran_out.iter().flatten() {
        app.refresh(&tokens.refresh)
            .await
            .expect_problem(401, "invalid_refresh_token");
    }
    app.finish().await;
}

/// The oldest session is in use; a younger one has not been used for too long.
async fn place_on(backend: Backend) {
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

/// What one instance revokes, every instance refuses within a second, also when it remembers the token.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn revocation_shows_on_every_instance_within_a_second() {
    let app = TestApp::spawn(Backend::Postgres).await;
    let mut second = app.second_instance(TestClock::running()).await;
    let tokens = app.registered("ada@example.com").await.tokens();
    for _ in 0..20 {
        let tokens = app.login("ada@example.com", PASSWORD).await.expect_status(200).tokens();
        second.me(&tokens.access).await.expect_status(200);
        app.logout(&tokens.access, "local").await.expect_status(204);
        let revoked = std::time::Instant::now();
        // What counts is when a request was sent: on a busy machine its answer may take its time.
        loop {
            let sent = revoked.elapsed();
            if second.me(&tokens.access).await.status == 401 {
                break;
            }
            assert!(sent <= Duration::from_secs(1), "accepted {sent:?} after the logout");
        }
    }
    // A refresh on one instance, the next one on the other: one history.
    let next = second.refresh(&tokens.refresh).await.expect_status(200).tokens();
    let last = app.refresh(&next.refresh).await.expect_status(200).tokens();
    second.me(&last.access).await.expect_status(200);
    second.stop().await.expect("stop the second instance");
    app.finish().await;
}
