//! Email verification with mailed codes.

use std::time::Duration;

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;

use super::{ADA, RESET, VERIFY, forgot, resend, reset, verify, with_mail};
use crate::support::app::TestApp;
use crate::support::database::Backend;
use crate::support::flow_tests;

flow_tests! {
    the_code_of_the_first_mail_verifies_the_address,
    a_code_that_is_used_again_gets_the_same_answer,
    a_second_mail_replaces_the_first_code,
    a_code_of_another_purpose_is_refused,
    without_a_mail_server_only_development_accepts_mail_requests,
}

async fn the_code_of_the_first_mail_verifies_the_address(backend: Backend) {
    let (app, smtp, _) = with_mail(backend).await;
    let tokens = app.registered(ADA).await.tokens();
    let code = smtp.mail(ADA, VERIFY, 1).await.code();
    let me = app.me(&tokens.access).await.expect_status(200);
    assert_eq!(me.json["emailVerified"], false);
    verify(&app, &code).await.expect_status(204);
    // This instance invalidates its session cache at once.
    let me = app.me(&tokens.access).await.expect_status(200);
    assert_eq!(me.json["emailVerified"], true);
    // The address is verified already.
    resend(&app, &tokens.access).await.expect_status(202);
    assert_eq!(app.event_names().await, ["registered", "email_verified"]);
    assert_eq!(smtp.mails().len(), 1);
    app.finish().await;
}

async fn a_code_that_is_used_again_gets_the_same_answer(backend: Backend) {
    let (app, smtp, clock) = with_mail(backend).await;
    let ada = app.registered(ADA).await;
    let code = smtp.mail(ADA, VERIFY, 1).await.code();
    for answer in join_all((0..4).map(|_| verify(&app, &code))).await {
        answer.expect_status(204);
    }
    verify(&app, &code).await.expect_status(204);
    assert_eq!(app.event_names().await, ["registered", "email_verified"]);
    // Not for another address.
    let admin = app.admin().await;
    let path = format!("/users/{}", ada.str("/user/id"));
    let request = app.request(Method::PATCH, &path).bearer_auth(&admin.access);
    app.send(request.json(&json!({"email": "other@example.com"}))).await.expect_status(200);
    verify(&app, &code).await.expect_problem(422, "invalid_code");
    // Not when it has expired.
    let other = smtp.mail("root@example.com", VERIFY, 1).await.code();
    verify(&app, &other).await.expect_status(204);
    clock.advance(Duration::from_secs(30 * 60));
    verify(&app, &other).await.expect_problem(422, "invalid_code");
    app.finish().await;
}

async fn a_second_mail_replaces_the_first_code(backend: Backend) {
    let (app, smtp, clock) = with_mail(backend).await;
    let tokens = app.registered(ADA).await.tokens();
    let first = smtp.mail(ADA, VERIFY, 1).await.code();
    clock.advance(Duration::from_secs(30 * 60));
    verify(&app, &first).await.expect_problem(422, "invalid_code");
    let tokens = app.refresh(&tokens.refresh).await.tokens();
    resend(&app, &tokens.access).await.expect_status(202);
    let second = smtp.mail(ADA, VERIFY, 2).await.code();
    resend(&app, &tokens.access).await.expect_status(202);
    let third = smtp.mail(ADA, VERIFY, 3).await.code();
    verify(&app, &second).await.expect_problem(422, "invalid_code");
    verify(&app, &third).await.expect_status(204);
    let requested = "email_verification_requested";
    let expected = ["registered", "token_refreshed", requested, requested, "email_verified"];
    assert_eq!(app.event_names().await, expected);
    app.finish().await;
}

async fn a_code_of_another_purpose_is_refused(backend: Backend) {
    let (app, smtp, _) = with_mail(backend).await;
    app.registered(ADA).await;
    forgot(&app, ADA).await.expect_status(202);
    let (to_verify, to_reset) = (smtp.mail(ADA, VERIFY, 1).await.code(), smtp.mail(ADA, RESET, 1).await.code());
    let answer = reset(&app, &to_verify, super::NEW_PASSWORD).await;
    answer.expect_problem(422, "invalid_code");
    verify(&app, &to_reset).await.expect_problem(422, "invalid_code");
    verify(&app, &to_verify).await.expect_status(204);
    reset(&app, &to_reset, super::NEW_PASSWORD).await.expect_status(204);
    app.finish().await;
}

async fn without_a_mail_server_only_development_accepts_mail_requests(backend: Backend) {
    let builder = TestApp::builder(backend).settings(|settings| settings.events.environment = "staging".to_owned());
    let app = builder.spawn().await;
    let tokens = app.registered(ADA).await.tokens();
    forgot(&app, ADA).await.expect_problem(501, "mail_not_configured");
    let unknown = forgot(&app, "nobody@example.com").await;
    unknown.expect_problem(501, "mail_not_configured");
    let answer = resend(&app, &tokens.access).await;
    answer.expect_problem(501, "mail_not_configured");
    let enqueued = "SELECT (SELECT count(*) FROM outgoing_mail) + (SELECT count(*) FROM one_time_codes)";
    assert_eq!(app.database.count(enqueued).await.expect("a count"), 0);
    assert_eq!(app.event_names().await, ["registered"]);
    app.finish().await;

    let app = TestApp::spawn(backend).await;
    app.registered(ADA).await;
    forgot(&app, ADA).await.expect_status(202);
    app.finish().await;
}
