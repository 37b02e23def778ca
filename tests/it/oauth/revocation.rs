//! POST /oauth/revoke.

use serde_json::json;

use crate::support::app::{PASSWORD, TestApp};
use crate::support::database::Backend;
use crate::support::flow_tests;
use crate::support::oauth::{CLIENT, as_client, forgeries, revoke};

flow_tests! {
    revoking_either_token_revokes_its_session,
    revoking_an_unknown_token_succeeds,
    revoking_a_used_refresh_token_reports_its_reuse,
    parallel_revocations_record_one_event,
}

async fn revoking_either_token_revokes_its_session(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let user = app.registered("ada@example.com").await.str("/user/id").to_owned();
    let bystander = app.registered("bob@example.com").await.tokens();
    for by_access in [true, false] {
        let tokens = app.login("ada@example.com", PASSWORD).await.tokens();
        let another = app.login("ada@example.com", PASSWORD).await.tokens();
        app.me(&tokens.access).await.expect_status(200);
        let token = if by_access { &tokens.access } else { &tokens.refresh };
        let answer = revoke(&app, token).await.expect_status(200);
        assert_eq!((answer.text.as_str(), answer.header("cache-control")), ("", Some("no-store")));
        app.me(&tokens.access).await.expect_problem(401, "invalid_token");
        app.refresh(&tokens.refresh).await.expect_problem(401, "invalid_refresh_token");
        app.me(&another.access).await.expect_status(200);
        app.me(&bystander.access).await.expect_status(200);
        // Further revocations of either token change nothing.
        for token in [&tokens.access, &tokens.refresh] {
            revoke(&app, token).await.expect_status(200);
        }
        let events = app.events().await;
        let revoked = events.last().expect("an event");
        assert_eq!(revoked.subject, "auth.user.session_revoked");
        let data = &revoked.payload["data"];
        assert_eq!(data["userId"], json!(user));
        assert_eq!(data["sessionId"], json!(tokens.session()));
        assert_eq!(data["reason"], json!("logout"));
        assert_eq!(data["actor"], json!({ "type": "service", "id": CLIENT }));
    }
    let names = app.event_names().await;
    assert_eq!(names.iter().filter(|name| *name == "session_revoked").count(), 2, "{names:?}");
    app.finish().await;
}

async fn revoking_an_unknown_token_succeeds(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let active = app.registered("ada@example.com").await.tokens();
    for (name, token) in forgeries(&active.access) {
        let answer = revoke(&app, &token).await;
        assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, ""), "{name}");
        for hint in ["access_token", "refresh_token", "pager_number"] {
            let request = as_client(&app, "/oauth/revoke", &[("token", &token), ("token_type_hint", hint)]);
            app.send(request).await.expect_status(200);
        }
    }
    app.me(&active.access).await.expect_status(200);
    assert_eq!(app.event_names().await, ["registered"]);
    app.finish().await;
}

async fn revoking_a_used_refresh_token_reports_its_reuse(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let first = app.registered("ada@example.com").await.tokens();
    let second = app.refresh(&first.refresh).await.expect_status(200).tokens();
    let third = app.refresh(&second.refresh).await.expect_status(200).tokens();
    revoke(&app, &first.refresh).await.expect_status(200);
    app.me(&third.access).await.expect_problem(401, "invalid_token");
    app.refresh(&third.refresh).await.expect_problem(401, "invalid_refresh_token");
    let names = app.event_names().await;
    assert_eq!(
        names,
        [
            "registered",
            "token_refreshed",
            "token_refreshed",
            "token_reuse_detected"
        ]
    );
    app.finish().await;
}

async fn parallel_revocations_record_one_event(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let tokens = app.registered("ada@example.com").await.tokens();
    let http = app.http();
    let mut tasks = Vec::new();
    for number in 0..16 {
        let (http, tokens) = (http.clone(), tokens.clone());
        tasks.push(tokio::spawn(async move {
            let token = if number % 2 == 0 {
                &tokens.access
            } else {
                &tokens.refresh
            };
            revoke(&http, token).await.status.as_u16()
        }));
    }
    for task in tasks {
        assert_eq!(task.await.expect("an answer"), 200);
    }
    assert_eq!(app.event_names().await, ["registered", "session_revoked"]);
    app.finish().await;
}
