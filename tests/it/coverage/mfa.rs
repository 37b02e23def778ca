//! Rows of second factors.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use totp_rs::Totp;

use super::stage::{Person, Stage};
use super::{Row, rows};
use crate::support::app::PASSWORD;

/// Of the right form; nobody was given it.
const UNKNOWN: &str = "wlc_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4v";

pub(super) fn rows() -> Vec<Row> {
    [enrol(), confirm(), remove(), recovery_codes(), log_in(), verify()]
        .into_iter()
        .flatten()
        .collect()
}

/// Somebody with an authenticator.
struct Enrolled {
    person: Person,
    totp: Totp,
    recovery_code: String,
}

impl Enrolled {
    async fn on(stage: &Stage) -> Self {
        let person = stage.person().await;
        let totp = offered(stage, &person).await;
        // The step before this one's, so that this one's is still to be used.
        let body = json!({ "code": code(stage, &totp, -30) });
        let confirmed = stage
            .ask(with(stage, &person, Method::POST, "totp/confirm", &body))
            .await;
        let recovery_code = confirmed.text("/recoveryCodes/0");
        Self {
            person,
            totp,
            recovery_code,
        }
    }

    async fn challenge(&self, stage: &Stage) -> String {
        let body = json!({ "identifier": self.person.email, "password": PASSWORD });
        stage
            .ask(stage.post("/auth/login", &body))
            .await
            .text("/challengeToken")
    }
}

/// Somebody with an authenticator, for the rows of others.
pub(super) async fn enrolled_person(stage: &Stage) -> Person {
    Enrolled::on(stage).await.person
}

async fn offered(stage: &Stage, person: &Person) -> Totp {
    let offered = stage.ask(with(stage, person, Method::POST, "totp", &password())).await;
    Totp::from_url(offered.text("/uri")).expect("an address")
}

fn code(stage: &Stage, totp: &Totp, ahead: i64) -> String {
    let at = stage.now().unix_timestamp() + ahead;
    totp.generate(at.unsigned_abs()).to_string()
}

fn password() -> Value {
    json!({ "password": PASSWORD })
}

fn wrong_password() -> Value {
    json!({ "password": "not the password" })
}

fn with(stage: &Stage, person: &Person, method: Method, path: &str, body: &Value) -> RequestBuilder {
    let request = stage.request(method, &format!("/auth/mfa/{path}"));
    request.bearer_auth(&person.tokens.access).json(body)
}

fn enrol() -> Vec<Row> {
    rows! {
        "listFactors" "200" "" => [] |stage| {
            let person = stage.person().await;
            stage.ask(stage.request(Method::GET, "/auth/mfa").bearer_auth(&person.tokens.access)).await
        }
        "enrolTotp" "201" "nothing changes before the first code" => [] |stage| {
            let person = stage.person().await;
            stage.ask(with(stage, &person, Method::POST, "totp", &password())).await
        }
        "enrolTotp" "409 mfa_already_enrolled" "" => [] |stage| {
            let enrolled = Enrolled::on(stage).await;
            stage.ask(with(stage, &enrolled.person, Method::POST, "totp", &password())).await
        }
        "enrolTotp" "422 validation_failed" "a wrong password" => ["login_failed" {"reason": "wrong_password"}] |stage| {
            let person = stage.person().await;
            stage.ask(with(stage, &person, Method::POST, "totp", &wrong_password())).await.about(&person)
        }
        "enrolTotp" "429 rate_limited" "" => [] |stage| {
            let person = stage.person().await;
            stage.until_limited(|| with(stage, &person, Method::POST, "totp", &wrong_password())).await
        }
    }
}

fn confirm() -> Vec<Row> {
    rows! {
        "confirmTotp" "200" "" => ["mfa_enrolled" {"factorType": "totp"}, "recovery_codes_generated" {"factorType": "totp"}] |stage| {
            let person = stage.person().await;
            let totp = offered(stage, &person).await;
            let body = json!({ "code": code(stage, &totp, 0) });
            stage.ask(with(stage, &person, Method::POST, "totp/confirm", &body)).await.about(&person)
        }
        "confirmTotp" "404 not_found" "" => [] |stage| {
            let person = stage.person().await;
            stage.ask(with(stage, &person, Method::POST, "totp/confirm", &json!({ "code": "123456" }))).await
        }
        "confirmTotp" "422 validation_failed" "an old code" => [] |stage| {
            let person = stage.person().await;
            let totp = offered(stage, &person).await;
            let body = json!({ "code": code(stage, &totp, -3600) });
            stage.ask(with(stage, &person, Method::POST, "totp/confirm", &body)).await
        }
        "confirmTotp" "429 rate_limited" "" => [] |stage| {
            let person = stage.person().await;
            stage.until_limited(|| with(stage, &person, Method::POST, "totp/confirm", &json!({ "code": "123456" }))).await
        }
    }
}

fn remove() -> Vec<Row> {
    rows! {
        "removeTotp" "204" "" => ["mfa_removed" {"factorType": "totp"}] |stage| {
            let enrolled = Enrolled::on(stage).await;
            let request = with(stage, &enrolled.person, Method::DELETE, "totp", &password());
            stage.ask(request).await.about(&enrolled.person)
        }
        "removeTotp" "404 not_found" "" => [] |stage| {
            let person = stage.person().await;
            stage.ask(with(stage, &person, Method::DELETE, "totp", &password())).await
        }
        "removeTotp" "422 validation_failed" "a wrong password" => ["login_failed" {"reason": "wrong_password"}] |stage| {
            let person = stage.person().await;
            stage.ask(with(stage, &person, Method::DELETE, "totp", &wrong_password())).await.about(&person)
        }
        "removeTotp" "429 rate_limited" "" => [] |stage| {
            let person = stage.person().await;
            stage.until_limited(|| with(stage, &person, Method::DELETE, "totp", &wrong_password())).await
        }
    }
}

fn recovery_codes() -> Vec<Row> {
    rows! {
        "generateRecoveryCodes" "200" "" => ["recovery_codes_generated" {"factorType": "totp"}] |stage| {
            let enrolled = Enrolled::on(stage).await;
            let request = with(stage, &enrolled.person, Method::POST, "recovery-codes", &password());
            stage.ask(request).await.about(&enrolled.person)
        }
        "generateRecoveryCodes" "404 not_found" "" => [] |stage| {
            let person = stage.person().await;
            stage.ask(with(stage, &person, Method::POST, "recovery-codes", &password())).await
        }
        "generateRecoveryCodes" "422 validation_failed" "a wrong password" => ["login_failed" {"reason": "wrong_password"}] |stage| {
            let person = stage.person().await;
            stage.ask(with(stage, &person, Method::POST, "recovery-codes", &wrong_password())).await.about(&person)
        }
        "generateRecoveryCodes" "429 rate_limited" "" => [] |stage| {
            let person = stage.person().await;
            stage.until_limited(|| with(stage, &person, Method::POST, "recovery-codes", &wrong_password())).await
        }
    }
}

fn log_in() -> Vec<Row> {
    rows! {
        "login" "401 mfa_required" "" => ["mfa_challenged" {"factorType": "totp"}] |stage| {
            let enrolled = Enrolled::on(stage).await;
            let body = json!({ "identifier": enrolled.person.email, "password": PASSWORD });
            stage.ask(stage.post("/auth/login", &body)).await.about(&enrolled.person)
        }
    }
}

fn verify() -> Vec<Row> {
    rows! {
        "verifyMfa" "200" "a code of the authenticator" =>
            ["mfa_verified" {"factorType": "totp"}, "logged_in" {"amr": ["pwd", "otp", "mfa"]}] |stage| {
            let enrolled = Enrolled::on(stage).await;
            let body = json!({ "challengeToken": enrolled.challenge(stage).await, "code": code(stage, &enrolled.totp, 0) });
            stage.ask(stage.post("/auth/mfa/verify", &body)).await.about(&enrolled.person)
        }
        "verifyMfa" "200" "a recovery code" =>
            ["recovery_code_used" {"factorType": "recovery_code"}, "logged_in" {"amr": ["pwd", "otp", "mfa"]}] |stage| {
            let enrolled = Enrolled::on(stage).await;
            let body = json!({ "challengeToken": enrolled.challenge(stage).await, "code": enrolled.recovery_code });
            stage.ask(stage.post("/auth/mfa/verify", &body)).await.about(&enrolled.person)
        }
        "verifyMfa" "401 invalid_second_factor" "" => ["mfa_failed" {"factorType": "totp"}] |stage| {
            let enrolled = Enrolled::on(stage).await;
            let body = json!({ "challengeToken": enrolled.challenge(stage).await, "code": code(stage, &enrolled.totp, -3600) });
            stage.ask(stage.post("/auth/mfa/verify", &body)).await.about(&enrolled.person)
        }
        "verifyMfa" "401 invalid_challenge" "" => [] |stage| {
            stage.ask(stage.post("/auth/mfa/verify", &json!({ "challengeToken": UNKNOWN, "code": "123456" }))).await
        }
        "verifyMfa" "422 validation_failed" "no code" => [] |stage| {
            stage.ask(stage.post("/auth/mfa/verify", &json!({ "challengeToken": UNKNOWN, "code": "twelve" }))).await
        }
        "verifyMfa" "429 rate_limited" "" => [] |stage| {
            let body = json!({ "challengeToken": UNKNOWN, "code": "123456" });
            stage.until_limited(|| stage.post("/auth/mfa/verify", &body)).await
        }
    }
}
