//! Logout with every scope, with either token, and in parallel with a refresh.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use crate::support::app::{PASSWORD, TestApp};
use crate::support::clock::TestClock;
use crate::support::database::Backend;
use crate::support::flow_tests;
use crate::support::http::{Answer, Http, Tokens};
use crate::support::wait::eventually;

flow_tests! {
    logout_revokes_the_sessions_of_its_scope,
    a_refresh_token_alone_logs_out,
    a_second_logout_records_no_event,
    a_refresh_racing_a_logout_leaves_no_active_token,
}

/// Three sessions of a user. The first one logs out.
async fn sessions(app: &TestApp, email: &str) -> [Tokens; 3] {
    let first = app.registered(email).await.tokens();
    let second = app.login(email, PASSWORD).await.expect_status(200).tokens();
    let third = app.login(email, PASSWORD).await.expect_status(200).tokens();
    for tokens in [&first, &second, &third] {
        // Put the session into the session cache.
        app.me(&tokens.access).await.expect_status(200);
    }
    [first, second, third]
}

async fn is_active(app: &TestApp, tokens: &Tokens) -> bool {
    let access = app.me(&tokens.access).await;
    let refresh = app.refresh(&tokens.refresh).await;
    match (access.status.as_u16(), refresh.status.as_u16()) {
        (200, 200) => true,
        (401, 401) => false,
        other => panic!("the tokens of a session differ: {other:?}"),
    }
}

async fn logout_revokes_the_sessions_of_its_scope(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    for (scope, active) in [
        ("local", [false, true, true]),
        ("others", [true, false, false]),
        ("global", [false, false, false]),
    ] {
        let bystander = app.registered(&format!("bystander-{scope}@example.com")).await.tokens();
        let sessions = sessions(&app, &format!("{scope}@example.com")).await;
        app.logout(&sessions[0].access, scope).await.expect_status(204);
        for (session, active) in sessions.iter().zip(active) {
            assert_eq!(is_active(&app, session).await, active, "scope {scope}");
        }
        assert!(is_active(&app, &bystander).await, "the session of another user was revoked");
        let events = app.events().await;
        let logged_out = events.iter().rfind(|event| event.subject == "auth.user.logged_out").expect("logged_out");
        assert_eq!(logged_out.payload["data"]["scope"], scope);
        assert_eq!(logged_out.payload["data"]["sessionId"], sessions[0].session());
    }
    let tokens = app.registered("default@example.com").await.tokens();
    app.send_as(&tokens.access, Method::POST, "/auth/logout", &json!({}))
        .await
        .expect_status(204);
    assert!(!is_active(&app, &tokens).await, "the default scope is local");
    app.finish().await;
}

async fn a_refresh_token_alone_logs_out(backend: Backend) {
    let clock = TestClock::frozen();
    let app = TestApp::builder(backend).clock(clock.clone()).spawn().await;
    let tokens = app.registered("ada@example.com").await.tokens();
    let other = app.login("ada@example.com", PASSWORD).await.expect_status(200).tokens();
    clock.advance(Duration::from_secs(16 * 60));
    app.me(&tokens.access).await.expect_problem(401, "invalid_token");

    let body = json!({"refreshToken": tokens.refresh});
    app.post("/auth/logout", &body).await.expect_status(204);
    app.refresh(&tokens.refresh).await.expect_problem(401, "invalid_refresh_token");
    let other = app.refresh(&other.refresh).await.expect_status(200).tokens();

    let body = json!({"refreshToken": other.refresh, "scope": "global"});
    app.post("/auth/logout", &body).await.expect_status(204);
    assert!(!is_active(&app, &other).await);
    app.post("/auth/logout", &json!({"refreshToken": "wrt_forged"}))
        .await
        .expect_problem(401, "invalid_refresh_token");
    app.post("/auth/logout", &json!({})).await.expect_problem(401, "authentication_required");
    app.finish().await;
}

async fn a_second_logout_records_no_event(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let tokens = app.registered("ada@example.com").await.tokens();
    let body = json!({"refreshToken": tokens.refresh});
    app.post("/auth/logout", &body).await.expect_status(204);
    app.post("/auth/logout", &body).await.expect_status(204);
    app.logout(&tokens.access, "local").await.expect_problem(401, "invalid_token");
    assert_eq!(
        app.event_names().await,
        ["registered", "logged_out"],
        "a logout of a revoked session records no event"
    );
    app.finish().await;
}

/// In both orders, no token of the session works afterwards.
async fn a_refresh_racing_a_logout_leaves_no_active_token(backend: Backend) {
    const ROUNDS: usize = 100;
    let app = TestApp::spawn(backend).await;
    let (mut refreshed, mut refused) = (0, 0);
    app.registered("ada@example.com").await;
    for round in 0..ROUNDS {
        let tokens = app.login("ada@example.com", PASSWORD).await.expect_status(200).tokens();
        let logout = async {
            // Delay every second logout, so that both orders happen.
            if round % 2 == 0 {
                tokio::task::yield_now().await;
            }
            app.logout(&tokens.access, "local").await
        };
        let (logout, refresh): (Answer, Answer) = tokio::join!(logout, app.refresh(&tokens.refresh));
        logout.expect_status(204);
        app.me(&tokens.access).await.expect_problem(401, "invalid_token");
        match refresh.status.as_u16() {
            200 => {
                refreshed += 1;
                let refreshed_tokens = refresh.tokens();
                app.refresh(&refreshed_tokens.refresh).await.expect_problem(401, "invalid_refresh_token");
                app.me(&refreshed_tokens.access).await.expect_problem(401, "invalid_token");
            }
            _ => {
                refused += 1;
                refresh.expect_problem(401, "invalid_refresh_token");
            }
        }
    }
    assert_eq!(refreshed + refused, ROUNDS);
    let live = "SELECT count(*) FROM sessions WHERE revoked_at IS NULL";
    eventually(Duration::from_secs(60), || async { app.database.count(live).await.map(|n| n == 1) }).await;
    app.finish().await;
}

/// A client that has lost the answer of one instance repeats the logout at another, which has the
/// session in its cache. The clock stands still, so the cache does not forget it by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeated_logout_ends_the_session_on_its_instance_too() {
    let clock = TestClock::frozen();
    let app = TestApp::builder(Backend::Postgres).clock(clock.clone()).spawn().await;
    let mut second = app.second_instance(clock).await;
    let tokens = app.registered("ada@example.com").await.tokens();
    second.me(&tokens.access).await.expect_status(200);
    app.logout(&tokens.access, "local").await.expect_status(204);

    second.logout(&tokens.access, "local").await.expect_status(204);
    second.me(&tokens.access).await.expect_problem(401, "invalid_token");
    second.stop().await.expect("stop the second instance");
    app.finish().await;
}

/// The same for every other way to end sessions that may be repeated.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeated_end_of_sessions_holds_on_its_instance_too() {
    let clock = TestClock::frozen();
    let app = TestApp::builder(Backend::Postgres).clock(clock.clone()).spawn().await;
    let mut second = app.second_instance(clock).await;
    let admin = app.admin().await.access;
    for (number, (method, path, status)) in [
        (Method::DELETE, "/users/ID/sessions", 204),
        (Method::POST, "/users/ID/disable", 200),
        (Method::DELETE, "/auth/sessions", 204),
    ]
    .into_iter()
    .enumerate()
    {
        let email = format!("user{number}@example.com");
        let user = app.registered(&email).await;
        let current = app.login(&email, PASSWORD).await.expect_status(200).tokens();
        let ended = user.tokens();
        second.me(&ended.access).await.expect_status(200);
        let path = path.replace("ID", user.str("/user/id"));
        let caller = if path.starts_with("/users") {
            &admin
        } else {
            &current.access
        };
        let end = |http: &Http| http.request(method.clone(), &path).bearer_auth(caller);
        app.send(end(&app)).await.expect_status(status);

        second.send(end(&second)).await.expect_status(status);
        second.me(&ended.access).await.expect_problem(401, "invalid_token");
    }
    second.stop().await.expect("stop the second instance");
    app.finish().await;
}
