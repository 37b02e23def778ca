//! Second factors, rate limits and replayed registrations.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use super::{EMAIL, STEP, User, start_enrollment};
use crate::flows::limits::logins::refused_by;
use crate::support::app::{PASSWORD, TestApp};
use crate::support::clock::TestClock;
use crate::support::database::Backend;
use crate::support::flow_tests;

flow_tests! {
    a_login_with_a_second_factor_resets_the_rate_limit,
    a_replayed_registration_does_not_bypass_the_second_factor,
    the_daily_limit_stops_guesses_that_the_hourly_limit_allows,
}

const HOUR: Duration = Duration::from_secs(3600);

async fn a_login_with_a_second_factor_resets_the_rate_limit(backend: Backend) {
    let builder = TestApp::builder(backend).settings(|settings| {
        settings.limits.enabled = true;
        settings.limits.login_account_network.count = 2;
        settings.limits.login_account.count = 4;
        settings.redis.timeout = Duration::from_secs(5);
    });
    let user = User::enrolled(builder).await;
    let username = json!({ "username": "ada" });
    user.app
        .send_as(&user.access, Method::PATCH, "/auth/me", &username)
        .await
        .expect_status(200);
    // More logins with each identifier than the daily limit of a network.
    for _ in 0..4 {
        for name in [EMAIL, "ada"] {
            let challenged = user.app.login(name, PASSWORD).await.expect_problem(403, "mfa_required");
            let challenge = challenged.str("/challengeToken");
            user.verify(challenge, &user.code()).await.expect_status(200);
            user.clock.advance(STEP);
        }
    }
    user.app.finish().await;
}

async fn a_replayed_registration_does_not_bypass_the_second_factor(backend: Backend) {
    let clock = TestClock::frozen();
    let app = TestApp::builder(backend).clock(clock.clone()).spawn().await;
    let register = || {
        let body = json!({ "email": EMAIL, "password": PASSWORD });
        let request = app.request(Method::POST, "/auth/register").json(&body);
        app.send(request.header("idempotency-key", "once"))
    };
    let access = register().await.expect_status(201).tokens().access;
    let (totp, _) = start_enrollment(&app, &access).await;
    register().await.expect_status(201);
    let code = json!({ "code": totp.generate(clock.seconds()).to_string() });
    app.send_as(&access, Method::POST, "/auth/mfa/totp/confirm", &code)
        .await
        .expect_status(200);
    register().await.expect_problem(409, "answer_spent");
    app.finish().await;
}

async fn the_daily_limit_stops_guesses_that_the_hourly_limit_allows(backend: Backend) {
    let builder = TestApp::builder(backend).settings(|settings| {
        settings.limits.enabled = true;
        settings.limits.mfa.count = 2;
        settings.limits.mfa_day.count = 4;
        settings.redis.timeout = Duration::from_secs(5);
    });
    let user = User::enrolled(builder).await;
    for _ in 0..2 {
        let challenge = user.challenge().await;
        for _ in 0..2 {
            let guess = user.verify(&challenge, &user.wrong_code()).await;
            guess.expect_problem(401, "invalid_second_factor");
        }
        refused_by(user.verify(&challenge, &user.code()).await, "mfa", 2, 3600);
        user.clock.advance(HOUR);
    }
    // The hourly quota has refilled. The daily quota of four refills one every six hours.
    let challenge = user.challenge().await;
    let wait = refused_by(user.verify(&challenge, &user.code()).await, "mfa_day", 4, 86_400);
    assert_eq!(wait, 4 * 3600);
    user.clock.advance(Duration::from_secs(wait));
    let challenge = user.challenge().await;
    user.verify(&challenge, &user.code()).await.expect_status(200);
    user.clock.advance(STEP);
    let challenge = user.challenge().await;
    refused_by(user.verify(&challenge, &user.code()).await, "mfa_day", 4, 86_400);
    user.app.finish().await;
}
