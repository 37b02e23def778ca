//! Rows of passwords and email verification.

use serde_json::json;

use super::{Row, rows};
use crate::support::app::PASSWORD;

const NEW_PASSWORD: &str = "quiet harbour 52";
const VERIFY: &str = "Confirm your email address";
const RESET: &str = "Reset your password";
/// A well-formed code that was not mailed.
const UNKNOWN: &str = "wmc_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

pub(super) fn rows() -> Vec<Row> {
    [change(), forgot(), reset(), verify(), resend()].into_iter().flatten().collect()
}

fn change() -> Vec<Row> {
    rows! {
        "changePassword" "204" "" => ["password_changed" {}] |app| {
            let user = app.user().await;
            app.log_in_again(&user).await;
            let body = json!({ "currentPassword": PASSWORD, "newPassword": NEW_PASSWORD });
            let request = app.post("/auth/password/change", &body).bearer_auth(&user.tokens.access);
            app.send(request).await.about(&user)
        }
        "changePassword" "422 validation_failed" "a wrong password" =>
            ["reauthentication_failed" {"operation": "change_password", "reason": "wrong_password"}] |app| {
            let user = app.user().await;
            let body = json!({ "currentPassword": "not the password", "newPassword": NEW_PASSWORD });
            let request = app.post("/auth/password/change", &body).bearer_auth(&user.tokens.access);
            app.send(request).await.about(&user)
        }
        "changePassword" "422 validation_failed" "a guessable password" => [] |app| {
            let user = app.user().await;
            let body = json!({ "currentPassword": PASSWORD, "newPassword": "password1" });
            let request = app.post("/auth/password/change", &body).bearer_auth(&user.tokens.access);
            app.send(request).await
        }
        "changePassword" "429 rate_limited" "" => [] |app| {
            let user = app.user().await;
            let body = json!({ "currentPassword": "not the password", "newPassword": NEW_PASSWORD });
            app.until_limited(|| {
                app.post("/auth/password/change", &body).bearer_auth(&user.tokens.access)
            }).await
        }
    }
}

fn forgot() -> Vec<Row> {
    rows! {
        "forgotPassword" "202" "the address of a user" => ["password_reset_requested" {}] |app| {
            let user = app.user().await;
            app.send(app.post("/auth/password/forgot", &json!({ "email": user.email }))).await.about(&user)
        }
        "forgotPassword" "202" "an unknown address" => ["password_reset_requested" {}] |app| {
            app.send(app.post("/auth/password/forgot", &json!({ "email": app.new_email() }))).await
        }
        "forgotPassword" "429 rate_limited" "" => [] |app| {
            app.until_limited(|| app.post("/auth/password/forgot", &json!({ "email": app.new_email() }))).await
        }
        "forgotPassword" "501 mail_not_configured" "" => [] |app| {
            let user = app.user().await;
            app.send(app.post("/auth/password/forgot", &json!({ "email": user.email }))).await
        }
    }
}

fn reset() -> Vec<Row> {
    rows! {
        "resetPassword" "204" "" => ["password_reset_completed" {}] |app| {
            let user = app.user().await;
            app.send(app.post("/auth/password/forgot", &json!({ "email": user.email }))).await;
            let code = app.mailed_code(&user, RESET, 1).await;
            let body = json!({ "code": code, "newPassword": NEW_PASSWORD });
            app.send(app.post("/auth/password/reset", &body)).await.about(&user)
        }
        "resetPassword" "422 validation_failed" "a guessable password" => [] |app| {
            let user = app.user().await;
            app.send(app.post("/auth/password/forgot", &json!({ "email": user.email }))).await;
            let code = app.mailed_code(&user, RESET, 1).await;
            let body = json!({ "code": code, "newPassword": "password1" });
            app.send(app.post("/auth/password/reset", &body)).await
        }
        "resetPassword" "422 invalid_code" "an unknown code" => [] |app| {
            let body = json!({ "code": UNKNOWN, "newPassword": NEW_PASSWORD });
            app.send(app.post("/auth/password/reset", &body)).await
        }
        "resetPassword" "422 invalid_code" "a verification code" => [] |app| {
            let user = app.user().await;
            let code = app.mailed_code(&user, VERIFY, 1).await;
            let body = json!({ "code": code, "newPassword": NEW_PASSWORD });
            app.send(app.post("/auth/password/reset", &body)).await
        }
        "resetPassword" "429 rate_limited" "" => [] |app| {
            let body = json!({ "code": UNKNOWN, "newPassword": NEW_PASSWORD });
            app.until_limited(|| app.post("/auth/password/reset", &body)).await
        }
    }
}

fn verify() -> Vec<Row> {
    rows! {
        "verifyEmail" "204" "" => ["email_verified" {}] |app| {
            let user = app.user().await;
            let code = app.mailed_code(&user, VERIFY, 1).await;
            app.send(app.post("/auth/email/verify", &json!({ "code": code }))).await.about(&user)
        }
        "verifyEmail" "422 invalid_code" "" => [] |app| {
            app.send(app.post("/auth/email/verify", &json!({ "code": UNKNOWN }))).await
        }
        "verifyEmail" "429 rate_limited" "" => [] |app| {
            app.until_limited(|| app.post("/auth/email/verify", &json!({ "code": UNKNOWN }))).await
        }
    }
}

fn resend() -> Vec<Row> {
    rows! {
        "resendVerification" "202" "" => ["email_verification_requested" {}] |app| {
            let user = app.user().await;
            let request = app.post("/auth/email/resend", &json!({})).bearer_auth(&user.tokens.access);
            app.send(request).await.about(&user)
        }
        "resendVerification" "202" "already verified" => [] |app| {
            let user = app.user().await;
            let code = app.mailed_code(&user, VERIFY, 1).await;
            app.send(app.post("/auth/email/verify", &json!({ "code": code }))).await;
            app.send(app.post("/auth/email/resend", &json!({})).bearer_auth(&user.tokens.access)).await
        }
        "resendVerification" "429 rate_limited" "" => [] |app| {
            let user = app.user().await;
            app.until_limited(|| {
                app.post("/auth/email/resend", &json!({})).bearer_auth(&user.tokens.access)
            }).await
        }
        "resendVerification" "501 mail_not_configured" "" => [] |app| {
            let user = app.user().await;
            app.send(app.post("/auth/email/resend", &json!({})).bearer_auth(&user.tokens.access)).await
        }
    }
}
