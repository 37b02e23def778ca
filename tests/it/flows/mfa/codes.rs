//! Codes of authenticators, recovery codes, and the challenges that they meet.

use std::time::Duration;

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;

use super::{Person, STEP};
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
}

/// Sends one code with many challenges at the same time; answers how many were let in.
async fn let_in(person: &Person, code: &str, times: usize) -> usize {
    let mut challenges = Vec::new();
    for _ in 0..times {
        challenges.push(person.challenge().await);
    }
    let answers = join_all(challenges.iter().map(|challenge| person.verify(challenge, code))).await;
    let refused = answers.iter().filter(|answer| answer.status != 200);
    for answer in refused {
        assert_eq!(answer.str("/code"), "invalid_second_factor", "{}", answer.text);
    }
    answers.iter().filter(|answer| answer.status == 200).count()
}

async fn a_code_works_once_in_parallel_logins(backend: Backend) {
    let person = Person::enrolled(TestApp::builder(backend)).await;
    assert_eq!(let_in(&person, &person.code(), 12).await, 1);
    // Neither the step before it, whose code was never sent.
    let before = person.totp.generate(person.clock.seconds() - 30).to_string();
    let challenge = person.challenge().await;
    person
        .verify(&challenge, &before)
        .await
        .expect_problem(401, "invalid_second_factor");
    person.clock.advance(STEP);
    person.verify(&challenge, &person.code()).await.expect_status(200);
    let names = person.app.event_names().await;
    let count = |name: &str| names.iter().filter(|known| *known == name).count();
    assert_eq!(
        (count("mfa_verified"), count("logged_in"), count("mfa_failed")),
        (2, 2, 12)
    );
    person.app.finish().await;
}

async fn a_recovery_code_works_once_in_parallel_logins(backend: Backend) {
    let person = Person::enrolled(TestApp::builder(backend)).await;
    let typed = person.recovery_codes[3].to_lowercase().replace('-', " ");
    assert_eq!(let_in(&person, &typed, 8).await, 1);
    let left = person.app.get_as(&person.access, "/auth/mfa").await.expect_status(200);
    assert_eq!(left.json["recoveryCodesLeft"], 9);
    // New codes void the old ones.
    let password = json!({ "password": PASSWORD });
    let path = "/auth/mfa/recovery-codes";
    let fresh = person
        .app
        .send_as(&person.access, Method::POST, path, &password)
        .await
        .expect_status(200);
    let challenge = person.challenge().await;
    let old = person.verify(&challenge, &person.recovery_codes[4]).await;
    old.expect_problem(401, "invalid_second_factor");
    let used = person.verify(&challenge, fresh.str("/recoveryCodes/9")).await;
    used.expect_status(200);
    let ledger = person.app.events().await;
    let used = ledger
        .iter()
        .find(|event| event.subject.ends_with("recovery_code_used"));
    assert_eq!(
        used.expect("recovery_code_used").payload["data"]["factorType"],
        "recovery_code"
    );
    person.app.finish().await;
}

async fn a_challenge_ends_after_five_wrong_codes(backend: Backend) {
    let person = Person::enrolled(TestApp::builder(backend)).await;
    let challenge = person.challenge().await;
    let wrong = person.wrong_code();
    let tries = join_all((0..12).map(|_| person.verify(&challenge, &wrong))).await;
    let count = |code: &str| tries.iter().filter(|answer| answer.str("/code") == code).count();
    assert_eq!((count("invalid_second_factor"), count("invalid_challenge")), (5, 7));
    person
        .verify(&challenge, &person.code())
        .await
        .expect_problem(401, "invalid_challenge");
    // Another one goes on.
    let challenge = person.challenge().await;
    person.verify(&challenge, &person.code()).await.expect_status(200);
    person.app.finish().await;
}

async fn a_challenge_works_once_and_for_five_minutes(backend: Backend) {
    let person = Person::enrolled(TestApp::builder(backend)).await;
    let (met, late) = (person.challenge().await, person.challenge().await);
    person.verify(&met, &person.code()).await.expect_status(200);
    person.clock.advance(Duration::from_secs(299));
    for challenge in [&met, &late] {
        person
            .verify(challenge, &person.code())
            .await
            .expect_problem(401, "invalid_challenge");
        person.clock.advance(Duration::from_secs(1));
    }
    person.app.finish().await;
}

async fn a_password_change_ends_a_challenge(backend: Backend) {
    let person = Person::enrolled(TestApp::builder(backend)).await;
    let challenge = person.challenge().await;
    let other_password = "UPDATE users SET password_hash = password_hash || ' ' WHERE email = 'ada@example.com'";
    person
        .app
        .database
        .execute(other_password)
        .await
        .expect("another password");
    person
        .verify(&challenge, &person.code())
        .await
        .expect_problem(401, "invalid_challenge");
    person.app.finish().await;
}

async fn a_malformed_challenge_is_refused(backend: Backend) {
    let person = Person::enrolled(TestApp::builder(backend)).await;
    let challenge = person.challenge().await;
    for malformed in [
        "",
        "wlc_",
        &challenge[..challenge.len() - 1],
        &challenge.replace("wlc_", "wrt_"),
    ] {
        person
            .verify(malformed, &person.code())
            .await
            .expect_problem(401, "invalid_challenge");
    }
    person.app.finish().await;
}
