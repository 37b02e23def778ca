//! Rows of second factors.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use totp_rs::Totp;

use super::fixture::{Fixture, User};
use super::{Row, rows};
use crate::support::app::PASSWORD;

/// A well-formed challenge that was not issued.
const UNKNOWN: &str = "wlc_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4v";

pub(super) fn rows() -> Vec<Row> {
    [enroll(), confirm(), remove(), recovery_codes(), log_in(), verify()]
        .into_iter()
        .flatten()
        .collect()
}

/// A user with an authenticator.
struct Enrolled {
    user: User,
    totp: Totp,
    recovery_code: String,
}

impl Enrolled {
    async fn new(app: &Fixture) -> Self {
        let user = app.user().await;
        let totp = start_enrollment(app, &user).await;
        // Use the code of the previous step, so that the current code is unused.
        let body = json!({ "code": code(app, &totp, -30) });
        let confirmed = app.send(mfa_request(app, &user, Method::POST, "totp/confirm", &body)).await;
        let recovery_code = confirmed.text("/recoveryCodes/0");
        Self { user, totp, recovery_code }
    }

    async fn challenge(&self, app: &Fixture) -> String {
        let body = json!({ "identifier": self.user.email, "password": PASSWORD });
        app.send(app.post("/auth/login", &body)).await.text("/challengeToken")
    }
}

pub(super) async fn enrolled_user(app: &Fixture) -> User {
    Enrolled::new(app).await.user
}

async fn start_enrollment(app: &Fixture, user: &User) -> Totp {
    let offer = app.send(mfa_request(app, user, Method::POST, "totp", &password())).await;
    Totp::from_url(offer.text("/uri")).expect("an address")
}

fn code(app: &Fixture, totp: &Totp, offset: i64) -> String {
    let at = app.now().unix_timestamp() + offset;
    totp.generate(at.unsigned_abs()).to_string()
}

fn password() -> Value {
    json!({ "password": PASSWORD })
}

fn wrong_password() -> Value {
    json!({ "password": "not the password" })
}

fn mfa_request(app: &Fixture, user: &User, method: Method, path: &str, body: &Value) -> RequestBuilder {
    let request = app.request(method, &format!("/auth/mfa/{path}"));
    request.bearer_auth(&user.tokens.access).json(body)
}

fn enroll() -> Vec<Row> {
    rows! {
        "listFactors" "200" "" => [] |app| {
            let user = app.user().await;
            app.send(app.request(Method::GET, "/auth/mfa").bearer_auth(&user.tokens.access)).await
        }
        "enrollTotp" "201" "not confirmed yet" => [] |app| {
            let user = app.user().await;
            app.send(mfa_request(app, &user, Method::POST, "totp", &password())).await
        }
        "enrollTotp" "409 mfa_already_enrolled" "" => [] |app| {
            let enrolled = Enrolled::new(app).await;
            app.send(mfa_request(app, &enrolled.user, Method::POST, "totp", &password())).await
        }
        "enrollTotp" "422 validation_failed" "a wrong password" =>
            ["reauthentication_failed" {"operation": "enroll_totp", "reason": "wrong_password"}] |app| {
            let user = app.user().await;
            app.send(mfa_request(app, &user, Method::POST, "totp", &wrong_password())).await.about(&user)
        }
        "enrollTotp" "429 rate_limited" "" => [] |app| {
            let user = app.user().await;
            app.until_limited(|| mfa_request(app, &user, Method::POST, "totp", &wrong_password())).await
        }
    }
}

fn confirm() -> Vec<Row> {
    rows! {
        "confirmTotp" "200" "" => ["mfa_enrolled" {"factorType": "totp"}, "recovery_codes_generated" {"factorType": "totp"}] |app| {
            let user = app.user().await;
            let totp = start_enrollment(app, &user).await;
            let body = json!({ "code": code(app, &totp, 0) });
            app.send(mfa_request(app, &user, Method::POST, "totp/confirm", &body)).await.about(&user)
        }
        "confirmTotp" "404 not_found" "" => [] |app| {
            let user = app.user().await;
            app.send(mfa_request(app, &user, Method::POST, "totp/confirm", &json!({ "code": "123456" }))).await
        }
        "confirmTotp" "422 validation_failed" "an old code" => [] |app| {
            let user = app.user().await;
            let totp = start_enrollment(app, &user).await;
            let body = json!({ "code": code(app, &totp, -3600) });
            app.send(mfa_request(app, &user, Method::POST, "totp/confirm", &body)).await
        }
        "confirmTotp" "429 rate_limited" "" => [] |app| {
            let user = app.user().await;
            app.until_limited(|| mfa_request(app, &user, Method::POST, "totp/confirm", &json!({ "code": "123456" }))).await
        }
    }
}

fn remove() -> Vec<Row> {
    rows! {
        "removeTotp" "204" "" => ["mfa_removed" {"factorType": "totp"}] |app| {
            let enrolled = Enrolled::new(app).await;
            let request = mfa_request(app, &enrolled.user, Method::POST, "totp/remove", &password());
            app.send(request).await.about(&enrolled.user)
        }
        "removeTotp" "404 not_found" "" => [] |app| {
            let user = app.user().await;
            app.send(mfa_request(app, &user, Method::POST, "totp/remove", &password())).await
        }
        "removeTotp" "422 validation_failed" "a wrong password" =>
            ["reauthentication_failed" {"operation": "remove_totp", "reason": "wrong_password"}] |app| {
            let user = app.user().await;
            app.send(mfa_request(app, &user, Method::POST, "totp/remove", &wrong_password())).await.about(&user)
        }
        "removeTotp" "429 rate_limited" "" => [] |app| {
            let user = app.user().await;
            app.until_limited(|| mfa_request(app, &user, Method::POST, "totp/remove", &wrong_password())).await
        }
    }
}

fn recovery_codes() -> Vec<Row> {
    rows! {
        "generateRecoveryCodes" "200" "" => ["recovery_codes_generated" {"factorType": "totp"}] |app| {
            let enrolled = Enrolled::new(app).await;
            let request = mfa_request(app, &enrolled.user, Method::POST, "recovery-codes", &password());
            app.send(request).await.about(&enrolled.user)
        }
        "generateRecoveryCodes" "404 not_found" "" => [] |app| {
            let user = app.user().await;
            app.send(mfa_request(app, &user, Method::POST, "recovery-codes", &password())).await
        }
        "generateRecoveryCodes" "422 validation_failed" "a wrong password" =>
            ["reauthentication_failed" {"operation": "generate_recovery_codes", "reason": "wrong_password"}] |app| {
            let user = app.user().await;
            app.send(mfa_request(app, &user, Method::POST, "recovery-codes", &wrong_password())).await.about(&user)
        }
        "generateRecoveryCodes" "429 rate_limited" "" => [] |app| {
            let user = app.user().await;
            app.until_limited(|| mfa_request(app, &user, Method::POST, "recovery-codes", &wrong_password())).await
        }
    }
}

fn log_in() -> Vec<Row> {
    rows! {
        "login" "403 mfa_required" "" => ["mfa_challenged" {"factorType": "totp"}] |app| {
            let enrolled = Enrolled::new(app).await;
            let body = json!({ "identifier": enrolled.user.email, "password": PASSWORD });
            app.send(app.post("/auth/login", &body)).await.about(&enrolled.user)
        }
    }
}

fn verify() -> Vec<Row> {
    rows! {
        "verifyMfa" "200" "a code of the authenticator" =>
            ["mfa_verified" {"factorType": "totp"}, "logged_in" {"amr": ["pwd", "otp", "mfa"]}] |app| {
            let enrolled = Enrolled::new(app).await;
            let body = json!({ "challengeToken": enrolled.challenge(app).await, "code": code(app, &enrolled.totp, 0) });
            app.send(app.post("/auth/mfa/verify", &body)).await.about(&enrolled.user)
        }
        "verifyMfa" "200" "a recovery code" =>
            ["recovery_code_used" {"factorType": "recovery_code"}, "logged_in" {"amr": ["pwd", "otp", "mfa"]}] |app| {
            let enrolled = Enrolled::new(app).await;
            let body = json!({ "challengeToken": enrolled.challenge(app).await, "code": enrolled.recovery_code });
            app.send(app.post("/auth/mfa/verify", &body)).await.about(&enrolled.user)
        }
        "verifyMfa" "401 invalid_second_factor" "" => ["mfa_failed" {"factorType": "totp"}] |app| {
            let enrolled = Enrolled::new(app).await;
            let body = json!({ "challengeToken": enrolled.challenge(app).await, "code": code(app, &enrolled.totp, -3600) });
            app.send(app.post("/auth/mfa/verify", &body)).await.about(&enrolled.user)
        }
        "verifyMfa" "401 invalid_challenge" "" => [] |app| {
            app.send(app.post("/auth/mfa/verify", &json!({ "challengeToken": UNKNOWN, "code": "123456" }))).await
        }
        "verifyMfa" "422 validation_failed" "a code of another factor" => [] |app| {
            let body = json!({ "challengeToken": UNKNOWN, "factor": "recovery_code", "code": "123456" });
            app.send(app.post("/auth/mfa/verify", &body)).await
        }
        "verifyMfa" "422 validation_failed" "a malformed code" => [] |app| {
            app.send(app.post("/auth/mfa/verify", &json!({ "challengeToken": UNKNOWN, "code": "twelve" }))).await
        }
        "verifyMfa" "429 rate_limited" "" => [] |app| {
            let body = json!({ "challengeToken": UNKNOWN, "code": "123456" });
            app.until_limited(|| app.post("/auth/mfa/verify", &body)).await
        }
    }
}
