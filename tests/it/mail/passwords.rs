//! Changing and resetting a password. Both revoke every session.

use std::time::Duration;

use serde_json::json;

use super::{ADA, NEW_PASSWORD, RESET, builder, change, forgot, reset, with_mail};
use crate::support::app::{PASSWORD, TestApp};
use crate::support::clock::TestClock;
use crate::support::database::Backend;
use crate::support::flow_tests;
use crate::support::http::Tokens;
use crate::support::smtp::SmtpServer;
use crate::support::wait::seen_within;

flow_tests! {
    a_password_change_revokes_every_session,
    a_password_change_needs_the_current_password_and_a_strong_new_one,
    a_password_reset_revokes_every_session,
    a_reset_code_works_once_and_for_half_an_hour,
    a_change_of_the_account_invalidates_its_reset_code,
    a_rejected_new_password_does_not_consume_the_code,
}

async fn assert_revoked(app: &TestApp, sessions: &[Tokens]) {
    for tokens in sessions {
        app.me(&tokens.access).await.expect_problem(401, "invalid_token");
        app.refresh(&tokens.refresh).await.expect_problem(401, "invalid_refresh_token");
    }
}

async fn three_sessions(app: &TestApp) -> [Tokens; 3] {
    let first = app.registered(ADA).await.tokens();
    let second = app.login(ADA, PASSWORD).await.tokens();
    let third = app.login(ADA, PASSWORD).await.tokens();
    [first, second, third]
}

async fn a_password_change_revokes_every_session(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let sessions = three_sessions(&app).await;
    change(&app, &sessions[1].access, PASSWORD, NEW_PASSWORD).await.expect_status(204);
    assert_revoked(&app, &sessions).await;
    app.login(ADA, PASSWORD).await.expect_problem(401, "invalid_credentials");
    app.login(ADA, NEW_PASSWORD).await.expect_status(200);
    let revoked = "SELECT count(*) FROM sessions WHERE revoked_reason = 'password_change'";
    assert_eq!(app.database.count(revoked).await.expect("a count"), 3);
    let names = app.event_names().await;
    let expected = [
        "registered",
        "logged_in",
        "logged_in",
        "password_changed",
        "login_failed",
        "logged_in",
    ];
    assert_eq!(names, expected);
    app.finish().await;
}

async fn a_password_change_needs_the_current_password_and_a_strong_new_one(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let answer = app
        .post(
            "/auth/register",
            &json!({"email": ADA, "password": PASSWORD, "username": "countess", "name": "Augusta Byron"}),
        )
        .await
        .expect_status(201);
    let tokens = answer.tokens();
    let wrong = change(&app, &tokens.access, "not the password", NEW_PASSWORD).await;
    let wrong = wrong.expect_problem(422, "validation_failed");
    assert_eq!(wrong.str("/errors/0/pointer"), "#/currentPassword");
    assert_eq!(wrong.str("/errors/0/code"), "wrong_password");
    let long = "x1 ".repeat(50);
    let guessable = [
        "short",
        "password1",
        "carefree",
        "countess",
        "augusta byron",
        "ada@example.com",
        "watchword",
        &long,
    ];
    for new in guessable {
        let answer = change(&app, &tokens.access, PASSWORD, new).await;
        let answer = answer.expect_problem(422, "validation_failed");
        assert_eq!(answer.str("/errors/0/pointer"), "#/newPassword", "{new}");
    }
    app.me(&tokens.access).await.expect_status(200);
    app.login(ADA, PASSWORD).await.expect_status(200);
    // A rejected new password is no failure of authentication.
    assert_eq!(app.event_names().await, ["registered", "reauthentication_failed", "logged_in"]);
    app.finish().await;
}

async fn a_password_reset_revokes_every_session(backend: Backend) {
    let (app, smtp, _) = with_mail(backend).await;
    let sessions = three_sessions(&app).await;
    forgot(&app, "ADA@example.com").await.expect_status(202);
    let code = smtp.mail(ADA, RESET, 1).await.code();
    reset(&app, &code, NEW_PASSWORD).await.expect_status(204);
    assert_revoked(&app, &sessions).await;
    app.login(ADA, PASSWORD).await.expect_problem(401, "invalid_credentials");
    app.login(ADA, NEW_PASSWORD).await.expect_status(200);
    let names = app.event_names().await;
    assert_eq!(names[3..5], ["password_reset_requested", "password_reset_completed"]);
    let events = app.events().await;
    let requested = &events[3].payload["data"];
    assert_eq!(requested["userId"], events[0].payload["data"]["userId"]);
    assert!(requested["identifierHash"].is_string());
    for event in &events {
        assert!(!String::from_utf8_lossy(&event.bytes).contains(&code), "the code is in an event");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_change_reaches_other_instances_within_a_second() {
    let smtp = SmtpServer::start().await;
    let app = builder(Backend::Postgres, &smtp).spawn().await;
    let mut second = app.second_instance(TestClock::running()).await;
    for operation in ["change", "reset"] {
        let email = format!("{operation}@example.com");
        let tokens = app.registered(&email).await.tokens();
        second.me(&tokens.access).await.expect_status(200);
        if operation == "change" {
            change(&app, &tokens.access, PASSWORD, NEW_PASSWORD).await.expect_status(204);
        } else {
            forgot(&app, &email).await.expect_status(202);
            let code = smtp.mail(&email, RESET, 1).await.code();
            second.me(&tokens.access).await.expect_status(200);
            reset(&app, &code, NEW_PASSWORD).await.expect_status(204);
        }
        seen_within(Duration::from_secs(1), || async {
            match second.me(&tokens.access).await.status.as_u16() {
                401 => Ok(()),
                status => Err(format!("{operation}: {status}")),
            }
        })
        .await;
        second.refresh(&tokens.refresh).await.expect_problem(401, "invalid_refresh_token");
    }
    second.stop().await.expect("stop");
    app.finish().await;
}

async fn a_reset_code_works_once_and_for_half_an_hour(backend: Backend) {
    let (app, smtp, clock) = with_mail(backend).await;
    app.registered(ADA).await;
    forgot(&app, ADA).await.expect_status(202);
    let first = smtp.mail(ADA, RESET, 1).await.code();
    forgot(&app, ADA).await.expect_status(202);
    let second = smtp.mail(ADA, RESET, 2).await.code();
    assert_ne!(first, second);
    let mut refusals = Vec::new();
    // Replaced by a newer code.
    refusals.push(reset(&app, &first, NEW_PASSWORD).await);
    reset(&app, &second, NEW_PASSWORD).await.expect_status(204);
    // Used, unknown and malformed codes.
    refusals.push(reset(&app, &second, "another harbour 53").await);
    let unknown = "wmc_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
    refusals.push(reset(&app, unknown, NEW_PASSWORD).await);
    refusals.push(reset(&app, "no code", NEW_PASSWORD).await);
    forgot(&app, ADA).await.expect_status(202);
    let third = smtp.mail(ADA, RESET, 3).await.code();
    clock.advance(Duration::from_secs(30 * 60));
    refusals.push(reset(&app, &third, "another harbour 53").await);
    let bodies = refusals.into_iter().map(|answer| {
        let mut body = answer.expect_problem(422, "invalid_code").json;
        body.as_object_mut().expect("fields").remove("requestId");
        body
    });
    let bodies: Vec<_> = bodies.collect();
    assert!(bodies.iter().all(|body| *body == bodies[0]), "{bodies:#?}");
    app.login(ADA, NEW_PASSWORD).await.expect_status(200);
    let completed = app.event_names().await;
    let completed = completed.iter().filter(|name| *name == "password_reset_completed");
    assert_eq!(completed.count(), 1);
    app.finish().await;
}

async fn a_change_of_the_account_invalidates_its_reset_code(backend: Backend) {
    let (app, smtp, _) = with_mail(backend).await;
    for (email, changed) in [
        ("one@example.com", "password"),
        ("two@example.com", "address"),
        ("three@example.com", "status"),
    ] {
        let tokens = app.registered(email).await.tokens();
        forgot(&app, email).await.expect_status(202);
        let code = smtp.mail(email, RESET, 1).await.code();
        match changed {
            "password" => {
                let answer = change(&app, &tokens.access, PASSWORD, "another harbour 53").await;
                answer.expect_status(204);
            }
            "address" => {
                let moved = "UPDATE users SET email = 'new@example.com', email_canonical = 'new@example.com' \
                             WHERE email = 'two@example.com'";
                app.database.execute(moved).await.expect("change the address");
            }
            _ => {
                let disable = "UPDATE users SET status = 'disabled' WHERE email = 'three@example.com'";
                app.database.execute(disable).await.expect("disable");
            }
        }
        let answer = reset(&app, &code, NEW_PASSWORD).await;
        answer.expect_problem(422, "invalid_code");
    }
    // A disabled account receives no code.
    forgot(&app, "three@example.com").await.expect_status(202);
    let waiting = "SELECT count(*) FROM outgoing_mail WHERE state = 'waiting'";
    assert_eq!(app.database.count(waiting).await.expect("a count"), 0);
    app.finish().await;
}

async fn a_rejected_new_password_does_not_consume_the_code(backend: Backend) {
    let (app, smtp, _) = with_mail(backend).await;
    app.registered(ADA).await;
    forgot(&app, ADA).await.expect_status(202);
    let code = smtp.mail(ADA, RESET, 1).await.code();
    for bad in ["short", "password1", "adaexamplecom"] {
        let answer = reset(&app, &code, bad).await.expect_problem(422, "validation_failed");
        assert_eq!(answer.str("/errors/0/pointer"), "#/newPassword", "{bad}");
    }
    reset(&app, &code, NEW_PASSWORD).await.expect_status(204);
    app.finish().await;
}
