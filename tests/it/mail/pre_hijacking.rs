//! Account pre-hijacking: an attacker registers another person's address and adds an authenticator.
//! A password reset gives the account to the owner of the mailbox.

use reqwest::Method;
use serde_json::json;
use totp_rs::Totp;

use super::{ADA, NEW_PASSWORD, RESET, VERIFY, forgot, reset, verify, with_mail};
use crate::support::app::{PASSWORD, TestApp};
use crate::support::clock::TestClock;
use crate::support::database::Backend;
use crate::support::flow_tests;

flow_tests! {
    a_reset_removes_the_authenticator_of_an_unverified_account,
    a_reset_keeps_the_authenticator_of_a_verified_account,
}

async fn enroll(app: &TestApp, clock: &TestClock, access: &str) {
    let password = json!({ "password": PASSWORD });
    let offered = app.send_as(access, Method::POST, "/auth/mfa/totp", &password).await;
    let totp = Totp::from_url(offered.expect_status(201).str("/uri")).expect("an address");
    let code = json!({ "code": totp.generate(clock.seconds()).to_string() });
    app.send_as(access, Method::POST, "/auth/mfa/totp/confirm", &code)
        .await
        .expect_status(200);
}

async fn a_reset_removes_the_authenticator_of_an_unverified_account(backend: Backend) {
    let (app, smtp, clock) = with_mail(backend).await;
    let access = app.registered(ADA).await.tokens().access;
    enroll(&app, &clock, &access).await;
    forgot(&app, ADA).await.expect_status(202);
    let code = smtp.mail(ADA, RESET, 1).await.code();
    reset(&app, &code, NEW_PASSWORD).await.expect_status(204);
    let access = app.login(ADA, NEW_PASSWORD).await.expect_status(200).tokens().access;
    let factors = app.get_as(&access, "/auth/mfa").await.expect_status(200);
    assert_eq!((factors.json.get("totp"), &factors.json["recoveryCodesLeft"]), (None, &json!(0)));
    assert_eq!(app.event_names().await[4..], ["password_reset_completed", "mfa_removed", "logged_in"]);
    app.finish().await;
}

async fn a_reset_keeps_the_authenticator_of_a_verified_account(backend: Backend) {
    let (app, smtp, clock) = with_mail(backend).await;
    let access = app.registered(ADA).await.tokens().access;
    verify(&app, &smtp.mail(ADA, VERIFY, 1).await.code()).await.expect_status(204);
    enroll(&app, &clock, &access).await;
    forgot(&app, ADA).await.expect_status(202);
    let code = smtp.mail(ADA, RESET, 1).await.code();
    reset(&app, &code, NEW_PASSWORD).await.expect_status(204);
    app.login(ADA, NEW_PASSWORD).await.expect_problem(403, "mfa_required");
    app.finish().await;
}
