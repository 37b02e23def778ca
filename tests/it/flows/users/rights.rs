//! Roles, disabled users and revoked sessions. At least one administrator always remains.

use reqwest::Method;
use serde_json::json;

use crate::support::app::{PASSWORD, TestApp};
use crate::support::clock::TestClock;
use crate::support::database::Backend;
use crate::support::flow_tests;
use crate::support::http::{Answer, Http, Tokens};

flow_tests! {
    an_administrator_grants_and_revokes_roles,
    a_role_takes_effect_at_once,
    a_disabled_user_is_refused_until_enabled,
    an_administrator_revokes_every_session_of_a_user,
    the_last_administrator_cannot_be_removed,
    two_administrators_demoting_each_other_leave_one,
    unlocking_resets_the_login_rate_limit,
}

pub(crate) async fn act(http: &Http, access: &str, method: Method, path: &str) -> Answer {
    http.send(http.request(method, path).bearer_auth(access)).await
}

/// Register an administrator. Return the tokens and the path of the user.
pub(super) async fn another_admin(app: &TestApp, admin: &Tokens, email: &str) -> (Tokens, String) {
    let answer = app.registered(email).await;
    let path = format!("/users/{}", answer.str("/user/id"));
    act(app, &admin.access, Method::PUT, &format!("{path}/roles/admin"))
        .await
        .expect_status(200);
    (answer.tokens(), path)
}

fn own_path(tokens: &Tokens) -> String {
    format!("/users/{}", tokens.claims()["sub"].as_str().expect("sub"))
}

async fn an_administrator_grants_and_revokes_roles(backend: Backend) {
    let app = TestApp::builder(backend)
        .settings(|settings| settings.accounts.roles = vec!["moderator".to_owned()])
        .spawn()
        .await;
    let admin = app.admin().await;
    let ada = app.registered("ada@example.com").await;
    let path = format!("/users/{}", ada.str("/user/id"));
    let change = |method: Method, role: &str| {
        let (app, access, path) = (&app, admin.access.clone(), format!("{path}/roles/{role}"));
        async move { act(app, &access, method, &path).await }
    };
    let granted = change(Method::PUT, "moderator").await.expect_status(200);
    assert_eq!(granted.json["roles"], json!(["user", "moderator"]));
    assert_eq!(app.me(&ada.tokens().access).await.json["roles"], granted.json["roles"], "at once");
    let tokens = app.refresh(&ada.tokens().refresh).await.expect_status(200).tokens();
    assert_eq!(tokens.claims()["roles"], granted.json["roles"], "in tokens after a refresh");
    // A second grant records no event.
    change(Method::PUT, "moderator").await.expect_status(200);
    for unknown in ["wizard", "Admin", "admin%20user"] {
        let refused = change(Method::PUT, unknown).await.expect_problem(400, "invalid_parameter");
        assert_eq!(refused.str("/errors/0/parameter"), "role");
    }
    change(Method::DELETE, "artist").await.expect_status(200);
    let revoked = change(Method::DELETE, "moderator").await.expect_status(200);
    assert_eq!(revoked.json["roles"], json!(["user"]));
    assert_eq!(app.event_names().await[3..], ["role_granted", "token_refreshed", "role_revoked"]);
    let granted = &app.events().await[3].payload["data"];
    assert_eq!((&granted["role"], &granted["actor"]["type"]), (&json!("moderator"), &json!("admin")));
    app.finish().await;
}

async fn a_role_takes_effect_at_once(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let admin = app.admin().await;
    let ada = app.registered("ada@example.com").await;
    let path = format!("/users/{}/roles/admin", ada.str("/user/id"));
    act(&app, &admin.access, Method::PUT, &path).await.expect_status(200);
    let access = ada.tokens().access;
    app.get_as(&access, "/users").await.expect_status(200);
    act(&app, &admin.access, Method::DELETE, &path).await.expect_status(200);
    app.get_as(&access, "/users").await.expect_problem(403, "forbidden");
    app.finish().await;
}

async fn a_disabled_user_is_refused_until_enabled(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let admin = app.admin().await;
    let ada = app.registered("ada@example.com").await;
    let (path, tokens) = (format!("/users/{}", ada.str("/user/id")), ada.tokens());
    app.me(&tokens.access).await.expect_status(200);
    let disabled = act(&app, &admin.access, Method::POST, &format!("{path}/disable")).await;
    assert_eq!(disabled.expect_status(200).str("/status"), "disabled");
    app.me(&tokens.access).await.expect_problem(401, "invalid_token");
    app.refresh(&tokens.refresh).await.expect_problem(401, "invalid_refresh_token");
    app.login("ada@example.com", PASSWORD).await.expect_problem(401, "invalid_credentials");
    act(&app, &admin.access, Method::POST, &format!("{path}/disable"))
        .await
        .expect_status(200);

    let enabled = act(&app, &admin.access, Method::POST, &format!("{path}/enable")).await;
    assert_eq!(enabled.expect_status(200).str("/status"), "active");
    app.me(&tokens.access).await.expect_problem(401, "invalid_token");
    app.login("ada@example.com", PASSWORD).await.expect_status(200);
    act(&app, &admin.access, Method::POST, &format!("{path}/enable")).await.expect_status(200);
    assert_eq!(app.event_names().await[3..], ["disabled", "login_failed", "enabled", "logged_in"]);
    app.finish().await;
}

/// The session cache of another instance expires after a second.
#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_user_is_refused_on_every_instance_within_a_second() {
    let app = TestApp::spawn(Backend::Postgres).await;
    let admin = app.admin().await;
    let clock = TestClock::frozen();
    let mut second = app.second_instance(clock.clone()).await;
    let ada = app.registered("ada@example.com").await;
    second.me(&ada.tokens().access).await.expect_status(200);
    let path = format!("/users/{}/disable", ada.str("/user/id"));
    act(&app, &admin.access, Method::POST, &path).await.expect_status(200);
    clock.advance(std::time::Duration::from_secs(1));
    second.me(&ada.tokens().access).await.expect_problem(401, "invalid_token");
    second.stop().await.expect("stop");
    app.finish().await;
}

async fn an_administrator_revokes_every_session_of_a_user(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let admin = app.admin().await;
    let ada = app.registered("ada@example.com").await;
    let path = format!("/users/{}/sessions", ada.str("/user/id"));
    let both = [ada.tokens(), app.login("ada@example.com", PASSWORD).await.tokens()];
    act(&app, &admin.access, Method::DELETE, &path).await.expect_status(204);
    for tokens in &both {
        app.me(&tokens.access).await.expect_problem(401, "invalid_token");
        app.refresh(&tokens.refresh).await.expect_problem(401, "invalid_refresh_token");
    }
    act(&app, &admin.access, Method::DELETE, &path).await.expect_status(204);
    let events = app.events().await.split_off(4);
    assert_eq!(events.len(), 1, "one event for both sessions");
    assert_eq!(events[0].subject, "auth.user.session_revoked");
    let data = &events[0].payload["data"];
    assert_eq!(data["endedSessionIds"], json!(both.map(|tokens| tokens.session())), "oldest first");
    assert_eq!((&data["reason"], data.get("sessionId")), (&json!("admin"), None));
    app.finish().await;
}

async fn the_last_administrator_cannot_be_removed(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let admin = app.admin().await;
    let own = own_path(&admin);
    let assert_refused = || async {
        act(&app, &admin.access, Method::DELETE, &format!("{own}/roles/admin"))
            .await
            .expect_problem(409, "last_administrator");
        act(&app, &admin.access, Method::POST, &format!("{own}/disable"))
            .await
            .expect_problem(409, "last_administrator");
        app.send_as(&admin.access, Method::POST, "/auth/me/delete", &json!({"password": PASSWORD}))
            .await
            .expect_problem(409, "last_administrator");
        act(&app, &admin.access, Method::DELETE, &own).await.expect_problem(403, "forbidden");
        app.get_as(&admin.access, "/users").await.expect_status(200);
    };
    assert_refused().await;
    // A disabled administrator does not count.
    let (_, path) = another_admin(&app, &admin, "bob@example.com").await;
    act(&app, &admin.access, Method::POST, &format!("{path}/disable"))
        .await
        .expect_status(200);
    assert_refused().await;
    act(&app, &admin.access, Method::POST, &format!("{path}/enable")).await.expect_status(200);
    let demoted = act(&app, &admin.access, Method::DELETE, &format!("{own}/roles/admin")).await;
    assert_eq!(demoted.expect_status(200).json["roles"], json!(["user"]));
    app.send_as(&admin.access, Method::POST, "/auth/me/delete", &json!({"password": PASSWORD}))
        .await
        .expect_status(204);
    app.finish().await;
}

async fn two_administrators_demoting_each_other_leave_one(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let root = app.admin().await;
    for round in 0..8 {
        // Demote the first administrator, so that only the two others remain.
        let (ada, ada_path) = another_admin(&app, &root, &format!("ada{round}@example.com")).await;
        let (bob, bob_path) = another_admin(&app, &root, &format!("bob{round}@example.com")).await;
        let own = own_path(&root);
        act(&app, &root.access, Method::DELETE, &format!("{own}/roles/admin"))
            .await
            .expect_status(200);
        let (demoted, removed) = match round % 4 {
            0 => ("/roles/admin", "/roles/admin"),
            1 => ("/disable", "/roles/admin"),
            2 => ("", "/disable"),
            _ => ("", ""),
        };
        let method = |operation: &str| match operation {
            "/disable" => Method::POST,
            _ => Method::DELETE,
        };
        let (first, second) = (format!("{bob_path}{demoted}"), format!("{ada_path}{removed}"));
        let (one, two) = tokio::join!(
            act(&app, &ada.access, method(demoted), &first),
            act(&app, &bob.access, method(removed), &second),
        );
        let won = [&one, &two].iter().filter(|answer| answer.status.is_success()).count();
        assert_eq!(won, 1, "round {round}: {} {} / {} {}", one.status, one.text, two.status, two.text);
        let remaining = if one.status.is_success() { &ada } else { &bob };
        app.get_as(&remaining.access, "/users").await.expect_status(200);
        act(&app, &remaining.access, Method::PUT, &format!("{own}/roles/admin"))
            .await
            .expect_status(200);
        let remaining = own_path(remaining);
        act(&app, &root.access, Method::DELETE, &remaining).await.expect_status(204);
    }
    app.finish().await;
}

async fn unlocking_resets_the_login_rate_limit(backend: Backend) {
    let app = TestApp::builder(backend)
        .settings(|settings| {
            settings.limits.enabled = true;
            settings.limits.login.count = 1000;
        })
        .spawn()
        .await;
    let admin = app.admin().await;
    let ada = app.registered("ada@example.com").await;
    let path = format!("/users/{}/unlock", ada.str("/user/id"));
    act(&app, &admin.access, Method::POST, &path).await.expect_status(204);
    let events = app.events().await;
    let unlocked = events.last().expect("an event");
    assert_eq!(unlocked.subject, "auth.user.unlocked");
    assert_eq!(unlocked.payload["data"]["reason"], "admin");
    app.finish().await;
}
