//! Codes of authenticators, recovery codes and challenges.

use std::time::Duration;

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;

use super::{EMAIL, STEP, User};
use crate::support::app::{PASSWORD, TestApp};
use crate::support::database::Backend;
use crate::support::flow_tests;

flow_tests! {
    a_code_works_once_in_parallel_logins,
    a_recovery_code_works_once_in_parallel_logins,
    a_challenge_ends_after_five_wrong_codes,
    a_challenge_works_once_and_for_five_minutes,
    a_password_change_ends_a_challenge,
    a_malformed_challenge_is_refused,
    a_challenge_names_the_factors_that_complete_the_login,
}

/// Send one code with `times` challenges in parallel. Return the number of successful logins.
async fn successful_logins(user: &User, code: &str, times: usize) -> usize {
    let mut challenges = Vec::new();
    for _ in 0..times {
        challenges.push(user.challenge().await);
    }
    let answers = join_all(challenges.iter().map(|challenge| user.verify(challenge, code))).await;
    let refused = answers.iter().filter(|answer| answer.status != 200);
    for answer in refused {
        assert_eq!(answer.str("/code"), "invalid_second_factor", "{}", answer.text);
    }
    answers.iter().filter(|answer| answer.status == 200).count()
}

async fn a_code_works_once_in_parallel_logins(backend: Backend) {
    let user = User::enrolled(TestApp::builder(backend)).await;
    assert_eq!(successful_logins(&user, &user.code(), 12).await, 1);
    // The unused code of an earlier step is refused, too.
    let before = user.totp.generate(user.clock.seconds() - 30).to_string();
    let challenge = user.challenge().await;
    user.verify(&challenge, &before).await.expect_problem(401, "invalid_second_factor");
    user.clock.advance(STEP);
    user.verify(&challenge, &user.code()).await.expect_status(200);
    let names = user.app.event_names().await;
    let count = |name: &str| names.iter().filter(|known| *known == name).count();
    assert_eq!((count("mfa_verified"), count("logged_in"), count("mfa_failed")), (2, 2, 12));
    user.app.finish().await;
}

async fn a_recovery_code_works_once_in_parallel_logins(backend: Backend) {
    let user = User::enrolled(TestApp::builder(backend)).await;
    let code = user.recovery_codes[3].to_lowercase().replace('-', " ");
    assert_eq!(successful_logins(&user, &code, 8).await, 1);
    let factors = user.app.get_as(&user.access, "/auth/mfa").await.expect_status(200);
    assert_eq!(factors.json["recoveryCodesLeft"], 9);
    // New recovery codes replace the old ones.
    let password = json!({ "password": PASSWORD });
    let path = "/auth/mfa/recovery-codes";
    let new_codes = user.app.send_as(&user.access, Method::POST, path, &password).await.expect_status(200);
    let challenge = user.challenge().await;
    let old = user.verify(&challenge, &user.recovery_codes[4]).await;
    old.expect_problem(401, "invalid_second_factor");
    let used = user.verify(&challenge, new_codes.str("/recoveryCodes/9")).await;
    used.expect_status(200);
    let ledger = user.app.events().await;
    let used = ledger.iter().find(|event| event.subject.ends_with("recovery_code_used"));
    assert_eq!(used.expect("recovery_code_used").payload["data"]["factorType"], "recovery_code");
    user.app.finish().await;
}

async fn a_challenge_ends_after_five_wrong_codes(backend: Backend) {
    let user = User::enrolled(TestApp::builder(backend)).await;
    let challenge = user.challenge().await;
    let wrong = user.wrong_code();
    let answers = join_all((0..12).map(|_| user.verify(&challenge, &wrong))).await;
    let count = |code: &str| answers.iter().filter(|answer| answer.str("/code") == code).count();
    assert_eq!((count("invalid_second_factor"), count("invalid_challenge")), (5, 7));
    user.verify(&challenge, &user.code()).await.expect_problem(401, "invalid_challenge");
    // A new challenge works.
    let challenge = user.challenge().await;
    user.verify(&challenge, &user.code()).await.expect_status(200);
    user.app.finish().await;
}

async fn a_challenge_works_once_and_for_five_minutes(backend: Backend) {
    let user = User::enrolled(TestApp::builder(backend)).await;
    let (used, late) = (user.challenge().await, user.challenge().await);
    user.verify(&used, &user.code()).await.expect_status(200);
    user.clock.advance(Duration::from_secs(299));
    for challenge in [&used, &late] {
        user.verify(challenge, &user.code()).await.expect_problem(401, "invalid_challenge");
        user.clock.advance(Duration::from_secs(1));
    }
    user.app.finish().await;
}

async fn a_password_change_ends_a_challenge(backend: Backend) {
    let user = User::enrolled(TestApp::builder(backend)).await;
    let challenge = user.challenge().await;
    let other_password = "UPDATE users SET password_hash = password_hash || ' ' WHERE email = 'ada@example.com'";
    user.app.database.execute(other_password).await.expect("another password");
    user.verify(&challenge, &user.code()).await.expect_problem(401, "invalid_challenge");
    user.app.finish().await;
}

async fn a_malformed_challenge_is_refused(backend: Backend) {
    let user = User::enrolled(TestApp::builder(backend)).await;
    let challenge = user.challenge().await;
    for malformed in [
        "",
        "wlc_",
        &challenge[..challenge.len() - 1],
        &challenge.replace("wlc_", "wrt_"),
    ] {
        user.verify(malformed, &user.code()).await.expect_problem(401, "invalid_challenge");
    }
    user.app.finish().await;
}

async fn a_challenge_names_the_factors_that_complete_the_login(backend: Backend) {
    let user = User::enrolled(TestApp::builder(backend)).await;
    let enrolled = user.app.get_as(&user.access, "/auth/mfa").await.expect_status(200);
    let totp = json!({"type": "totp", "id": enrolled.str("/totp/id")});
    let challenged = user.app.login(EMAIL, PASSWORD).await.expect_problem(403, "mfa_required");
    assert_eq!(challenged.json["factors"], json!([totp, {"type": "recovery_code"}]));

    let challenge = challenged.str("/challengeToken");
    let verify = async |factor: &str, code: &str| {
        let body = json!({ "challengeToken": challenge, "factor": factor, "code": code });
        user.app.post("/auth/mfa/verify", &body).await
    };
    // A code of another factor is a mistake of the client, and no attempt.
    for (factor, code) in [("recovery_code", &user.code()), ("totp", &user.recovery_codes[0])] {
        let refused = verify(factor, code).await.expect_problem(422, "validation_failed");
        assert_eq!(
            (refused.str("/errors/0/pointer"), refused.str("/errors/0/code")),
            ("#/code", "wrong_factor")
        );
    }
    let refused = verify("sms", &user.code()).await.expect_problem(422, "validation_failed");
    assert_eq!(refused.str("/errors/0/pointer"), "#/factor");
    verify("totp", &user.code()).await.expect_status(200);

    // Used recovery codes complete nothing.
    user.app.database.execute("DELETE FROM recovery_codes").await.expect("use them up");
    let challenged = user.app.login(EMAIL, PASSWORD).await.expect_problem(403, "mfa_required");
    assert_eq!(challenged.json["factors"], json!([totp]));
    user.app.finish().await;
}
