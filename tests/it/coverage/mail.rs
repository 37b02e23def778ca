//! Rows of passwords and confirmed addresses.

use serde_json::json;

use super::{Row, rows};
use crate::support::app::PASSWORD;

const NEW_PASSWORD: &str = "quiet harbour 52";
const VERIFY: &str = "Confirm your email address";
const RESET: &str = "Reset your password";
/// Of the right form; nobody was mailed it.
const UNKNOWN: &str = "wmc_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

pub(super) fn rows() -> Vec<Row> {
    [change(), forgot(), reset(), verify(), resend()]
        .into_iter()
        .flatten()
        .collect()
}

fn change() -> Vec<Row> {
    rows! {
        "changePassword" "204" "" => ["password_changed" {}] |stage| {
            let person = stage.person().await;
            stage.another_session(&person).await;
            let body = json!({ "currentPassword": PASSWORD, "newPassword": NEW_PASSWORD });
            let request = stage.post("/auth/password/change", &body).bearer_auth(&person.tokens.access);
            stage.ask(request).await.about(&person)
        }
        "changePassword" "422 validation_failed" "a wrong password" => ["login_failed" {"reason": "wrong_password"}] |stage| {
            let person = stage.person().await;
            let body = json!({ "currentPassword": "not the password", "newPassword": NEW_PASSWORD });
            let request = stage.post("/auth/password/change", &body).bearer_auth(&person.tokens.access);
            stage.ask(request).await.about(&person)
        }
        "changePassword" "422 validation_failed" "a guessable password" => [] |stage| {
            let person = stage.person().await;
            let body = json!({ "currentPassword": PASSWORD, "newPassword": "password1" });
            let request = stage.post("/auth/password/change", &body).bearer_auth(&person.tokens.access);
            stage.ask(request).await
        }
        "changePassword" "429 rate_limited" "" => [] |stage| {
            let person = stage.person().await;
            let body = json!({ "currentPassword": "not the password", "newPassword": NEW_PASSWORD });
            stage.until_limited(|| {
                stage.post("/auth/password/change", &body).bearer_auth(&person.tokens.access)
            }).await
        }
    }
}

fn forgot() -> Vec<Row> {
    rows! {
        "forgotPassword" "202" "somebody's address" => ["password_reset_requested" {}] |stage| {
            let person = stage.person().await;
            stage.ask(stage.post("/auth/password/forgot", &json!({ "email": person.email }))).await.about(&person)
        }
        "forgotPassword" "202" "nobody's address" => ["password_reset_requested" {}] |stage| {
            stage.ask(stage.post("/auth/password/forgot", &json!({ "email": stage.new_email() }))).await
        }
        "forgotPassword" "429 rate_limited" "" => [] |stage| {
            stage.until_limited(|| stage.post("/auth/password/forgot", &json!({ "email": stage.new_email() }))).await
        }
        "forgotPassword" "501 mail_not_configured" "" => [] |stage| {
            let person = stage.person().await;
            stage.ask(stage.post("/auth/password/forgot", &json!({ "email": person.email }))).await
        }
    }
}

fn reset() -> Vec<Row> {
    rows! {
        "resetPassword" "204" "" => ["password_reset_completed" {}] |stage| {
            let person = stage.person().await;
            stage.ask(stage.post("/auth/password/forgot", &json!({ "email": person.email }))).await;
            let code = stage.mailed_code(&person, RESET, 1).await;
            let body = json!({ "code": code, "password": NEW_PASSWORD });
            stage.ask(stage.post("/auth/password/reset", &body)).await.about(&person)
        }
        "resetPassword" "422 validation_failed" "a guessable password" => [] |stage| {
            let person = stage.person().await;
            stage.ask(stage.post("/auth/password/forgot", &json!({ "email": person.email }))).await;
            let code = stage.mailed_code(&person, RESET, 1).await;
            let body = json!({ "code": code, "password": "password1" });
            stage.ask(stage.post("/auth/password/reset", &body)).await
        }
        "resetPassword" "422 invalid_code" "an unknown one" => [] |stage| {
            let body = json!({ "code": UNKNOWN, "password": NEW_PASSWORD });
            stage.ask(stage.post("/auth/password/reset", &body)).await
        }
        "resetPassword" "422 invalid_code" "one that confirms an address" => [] |stage| {
            let person = stage.person().await;
            let code = stage.mailed_code(&person, VERIFY, 1).await;
            let body = json!({ "code": code, "password": NEW_PASSWORD });
            stage.ask(stage.post("/auth/password/reset", &body)).await
        }
        "resetPassword" "429 rate_limited" "" => [] |stage| {
            let body = json!({ "code": UNKNOWN, "password": NEW_PASSWORD });
            stage.until_limited(|| stage.post("/auth/password/reset", &body)).await
        }
    }
}

fn verify() -> Vec<Row> {
    rows! {
        "verifyEmail" "204" "" => ["email_verified" {}] |stage| {
            let person = stage.person().await;
            let code = stage.mailed_code(&person, VERIFY, 1).await;
            stage.ask(stage.post("/auth/email/verify", &json!({ "code": code }))).await.about(&person)
        }
        "verifyEmail" "422 invalid_code" "" => [] |stage| {
            stage.ask(stage.post("/auth/email/verify", &json!({ "code": UNKNOWN }))).await
        }
        "verifyEmail" "429 rate_limited" "" => [] |stage| {
            stage.until_limited(|| stage.post("/auth/email/verify", &json!({ "code": UNKNOWN }))).await
        }
    }
}

fn resend() -> Vec<Row> {
    rows! {
        "resendVerification" "202" "" => ["email_verification_requested" {}] |stage| {
            let person = stage.person().await;
            let request = stage.post("/auth/email/resend", &json!({})).bearer_auth(&person.tokens.access);
            stage.ask(request).await.about(&person)
        }
        "resendVerification" "202" "confirmed already" => [] |stage| {
            let person = stage.person().await;
            let code = stage.mailed_code(&person, VERIFY, 1).await;
            stage.ask(stage.post("/auth/email/verify", &json!({ "code": code }))).await;
            stage.ask(stage.post("/auth/email/resend", &json!({})).bearer_auth(&person.tokens.access)).await
        }
        "resendVerification" "429 rate_limited" "" => [] |stage| {
            let person = stage.person().await;
            stage.until_limited(|| {
                stage.post("/auth/email/resend", &json!({})).bearer_auth(&person.tokens.access)
            }).await
        }
        "resendVerification" "501 mail_not_configured" "" => [] |stage| {
            let person = stage.person().await;
            stage.ask(stage.post("/auth/email/resend", &json!({})).bearer_auth(&person.tokens.access)).await
        }
    }
}
