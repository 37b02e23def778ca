//! POST /oauth/introspect.

use std::time::Duration;

use serde_json::json;

use crate::support::app::{PASSWORD, TestApp};
use crate::support::clock::TestClock;
use crate::support::database::Backend;
use crate::support::flow_tests;
use crate::support::oauth::{as_client, forgeries, introspect, revoke};
use crate::support::wait::seen_within;

flow_tests! {
    an_active_token_is_described,
    any_other_token_is_inactive_without_details,
    an_expired_token_is_inactive,
    a_revoked_session_is_inactive_within_a_second,
    introspection_shows_the_current_roles,
    an_unknown_token_costs_the_same_query_as_a_revoked_one,
}

const INACTIVE: &str = r#"{"active":false}"#;

async fn an_active_token_is_described(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let answer = app.registered("ada@example.com").await;
    let (tokens, user) = (answer.tokens(), answer.str("/user/id").to_owned());
    let claims = tokens.claims();
    let access = introspect(&app, &tokens.access).await;
    let expected = json!({
        "active": true, "token_use": "access_token", "token_type": "Bearer", "sub": user, "sid": tokens.session(),
        "roles": ["user"], "iss": claims["iss"], "aud": "watchword", "client_id": "watchword", "jti": claims["jti"],
        "iat": claims["iat"], "exp": claims["exp"], "auth_time": claims["auth_time"], "amr": ["pwd"], "acr": "1",
    });
    assert!(claims["auth_time"].is_u64() && claims["email_verified"] == json!(false), "{claims}");
    assert_eq!(access.json, expected);
    assert_eq!(access.header("content-type").map(|text| text.starts_with("application/json")), Some(true));
    assert_eq!(access.header("cache-control"), Some("no-store"));
    // The second response comes from the session cache.
    assert_eq!(introspect(&app, &tokens.access).await.json, expected);

    let refresh = introspect(&app, &tokens.refresh).await.json;
    let lifetime = refresh["exp"].as_i64().expect("exp") - refresh["iat"].as_i64().expect("iat");
    assert_eq!(lifetime, 7 * 24 * 3600, "idle sessions end after a week");
    let expected = json!({
        "active": true, "token_use": "refresh_token", "sub": user, "sid": tokens.session(), "roles": ["user"],
        "iss": claims["iss"], "iat": refresh["iat"], "exp": refresh["exp"],
    });
    assert_eq!(refresh, expected, "the response has no `token_type`");

    // A wrong hint does not matter.
    for hint in ["access_token", "refresh_token", "pager_number"] {
        for token in [&tokens.access, &tokens.refresh] {
            let request = as_client(&app, "/oauth/introspect", &[("token", token), ("token_type_hint", hint)]);
            assert_eq!(app.send(request).await.expect_status(200).json["active"], json!(true), "{hint}");
        }
    }
    assert_eq!(app.event_names().await, ["registered"], "an introspection records no event");
    let counted = |labels: &'static str| app.metric("watchword_oauth_introspections_total", labels);
    assert!(counted(r#"active="true",token="access""#).await >= 2.0, "{}", app.metrics().await);
    assert!(counted(r#"active="true",token="refresh""#).await >= 1.0);
    app.finish().await;
}

async fn any_other_token_is_inactive_without_details(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let active = app.registered("ada@example.com").await.tokens();
    let revoked = app.login("ada@example.com", PASSWORD).await.tokens();
    app.logout(&revoked.access, "local").await.expect_status(204);
    let used = app.login("ada@example.com", PASSWORD).await.tokens();
    let next = app.refresh(&used.refresh).await.tokens();
    let disabled = app.registered("bob@example.com").await.tokens();
    let deleted = app.registered("eve@example.com").await.tokens();
    let body = json!({ "password": PASSWORD });
    app.send_as(&deleted.access, reqwest::Method::POST, "/auth/me/delete", &body)
        .await
        .expect_status(204);
    let disable = "UPDATE users SET status = 'disabled' WHERE email = 'bob@example.com'";
    app.database.execute(disable).await.expect("disable an account");

    let mut inactive = forgeries(&active.access);
    inactive.push(("a used refresh token", used.refresh.clone()));
    for (name, tokens) in [("revoked", &revoked), ("disabled", &disabled), ("deleted", &deleted)] {
        inactive.push((name, tokens.access.clone()));
        inactive.push((name, tokens.refresh.clone()));
    }
    inactive.push(("too long", "a".repeat(9_000)));
    let before = app.ledger().await.len();
    for (name, token) in &inactive {
        let answer = introspect(&app, token).await;
        assert_eq!(answer.text, INACTIVE, "{name}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{name}");
    }
    // Introspection of a used refresh token is not reuse. The session stays active.
    assert_eq!(app.ledger().await.len(), before);
    for token in [&next.refresh, &next.access, &active.access] {
        assert_eq!(introspect(&app, token).await.json["active"], json!(true));
    }
    assert!(
        app.metric("watchword_oauth_introspections_total", r#"active="false",token="access""#)
            .await
            >= 8.0
    );
    app.finish().await;
}

async fn an_expired_token_is_inactive(backend: Backend) {
    let clock = TestClock::frozen();
    let app = TestApp::builder(backend).clock(clock.clone()).spawn().await;
    let tokens = app.registered("ada@example.com").await.tokens();
    clock.advance(Duration::from_secs(15 * 60 - 1));
    assert_eq!(introspect(&app, &tokens.access).await.json["active"], json!(true));
    clock.advance(Duration::from_secs(7));
    assert_eq!(introspect(&app, &tokens.access).await.text, INACTIVE);
    assert_eq!(introspect(&app, &tokens.refresh).await.json["active"], json!(true));
    clock.advance(Duration::from_secs(7 * 24 * 3600));
    assert_eq!(introspect(&app, &tokens.refresh).await.text, INACTIVE);
    app.finish().await;
}

async fn a_revoked_session_is_inactive_within_a_second(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let other = match backend {
        Backend::Postgres => Some(app.second_instance(TestClock::running()).await),
        Backend::Sqlite => None,
    };
    let tokens = app.registered("ada@example.com").await.tokens();
    let other_http = other.as_ref().map_or_else(|| app.http(), |other| other.http());
    for http in [&app.http(), &other_http] {
        assert_eq!(introspect(http, &tokens.access).await.json["active"], json!(true));
    }
    revoke(&app, &tokens.access).await.expect_status(200);
    assert_eq!(introspect(&app, &tokens.access).await.text, INACTIVE, "at once on this instance");
    seen_within(Duration::from_secs(1), || async {
        match introspect(&other_http, &tokens.access).await.text.as_str() {
            INACTIVE => Ok(()),
            other => Err(other.to_owned()),
        }
    })
    .await;
    if let Some(mut other) = other {
        other.stop().await.expect("stop");
    }
    app.finish().await;
}

async fn introspection_shows_the_current_roles(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let admin = app.admin().await;
    assert_eq!(introspect(&app, &admin.access).await.json["roles"], json!(["user", "admin"]));
    let demote = "UPDATE users SET roles = 'user' WHERE email = 'root@example.com'";
    app.database.execute(demote).await.expect("revoke the role");
    seen_within(Duration::from_secs(2), || async {
        let roles = introspect(&app, &admin.access).await.json["roles"].clone();
        if roles == json!(["user"]) { Ok(()) } else { Err(roles) }
    })
    .await;
    app.finish().await;
}

/// The duration depends on the database query. Without the table, introspection of any token fails,
/// which shows that each token needs the query.
async fn an_unknown_token_costs_the_same_query_as_a_revoked_one(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let active = app.registered("ada@example.com").await.tokens();
    let mut tokens = forgeries(&active.access);
    tokens.push(("a good refresh token", active.refresh));
    app.database
        .execute("ALTER TABLE sessions RENAME TO sessions_away")
        .await
        .expect("rename the table");
    for (name, token) in &tokens {
        let answer = app.send(as_client(&app, "/oauth/introspect", &[("token", token)])).await;
        assert_eq!(answer.status, 500, "{name}: {}", answer.text);
        answer.expect_problem(500, "internal_error");
    }
    app.database
        .execute("ALTER TABLE sessions_away RENAME TO sessions")
        .await
        .expect("restore the table");
    app.finish().await;
}
