//! Rows of the caller's account: register, show, change, delete.

use reqwest::Method;
use serde_json::json;

use super::user_rights::OTHER_TAG;
use super::{Row, rows};
use crate::support::app::PASSWORD;

pub(super) fn rows() -> Vec<Row> {
    [register(), change(), delete()].into_iter().flatten().collect()
}

fn register() -> Vec<Row> {
    rows! {
        "register" "201" "a new account" => ["registered" {"accountType": "user", "roles": ["user"], "method": "password", "amr": ["pwd"]}] |app| {
            let body = json!({ "email": app.new_email(), "password": PASSWORD });
            app.send(app.post("/auth/register", &body)).await.about_response_session()
        }
        "register" "409 email_taken" "" => [] |app| {
            let user = app.user().await;
            let body = json!({ "email": user.email.to_uppercase(), "password": PASSWORD });
            app.send(app.post("/auth/register", &body)).await
        }
        "register" "409 username_taken" "" => [] |app| {
            let first = json!({ "email": app.new_email(), "password": PASSWORD, "username": "wanted" });
            app.send(app.post("/auth/register", &first)).await;
            let second = json!({ "email": app.new_email(), "password": PASSWORD, "username": "Wanted" });
            app.send(app.post("/auth/register", &second)).await
        }
        "register" "422 validation_failed" "a guessable password" => [] |app| {
            let body = json!({ "email": app.new_email(), "password": "password1" });
            app.send(app.post("/auth/register", &body)).await
        }
        "register" "201" "a replay" => [] |app| {
            let (body, _) = app.keyed_registration().await;
            app.send(app.post("/auth/register", &body).header("idempotency-key", &app.key_for(&body))).await
        }
        "register" "400 invalid_parameter" "a malformed key" => [] |app| {
            let body = json!({ "email": app.new_email(), "password": PASSWORD });
            app.send(app.post("/auth/register", &body).header("idempotency-key", "two words")).await
        }
        "register" "409 answer_spent" "" => [] |app| {
            let (body, user) = app.keyed_registration().await;
            app.refresh(&user.tokens).await;
            app.send(app.post("/auth/register", &body).header("idempotency-key", &app.key_for(&body))).await
        }
        "register" "422 idempotency_key_reused" "another address" => [] |app| {
            let (body, _) = app.keyed_registration().await;
            let other = json!({ "email": app.new_email(), "password": PASSWORD });
            app.send(app.post("/auth/register", &other).header("idempotency-key", &app.key_for(&body))).await
        }
        "register" "422 idempotency_key_reused" "another password" =>
            ["reauthentication_failed" {"operation": "repeat_registration", "reason": "wrong_password"}] |app| {
            let (body, user) = app.keyed_registration().await;
            let other = json!({ "email": user.email, "password": "not the password 7" });
            let request = app.post("/auth/register", &other).header("idempotency-key", &app.key_for(&body));
            app.send(request).await.about(&user)
        }
        "register" "429 rate_limited" "" => [] |app| {
            app.until_limited(|| {
                let body = json!({ "email": app.new_email(), "password": PASSWORD });
                app.post("/auth/register", &body)
            }).await
        }
    }
}

fn change() -> Vec<Row> {
    rows! {
        "getMe" "200" "" => [] |app| {
            let user = app.user().await;
            app.send(app.request(Method::GET, "/auth/me").bearer_auth(&user.tokens.access)).await
        }
        "updateMe" "200" "a new name" => ["updated" {"changedFields": ["name"], "name": "Ada"}] |app| {
            let user = app.user().await;
            let request = app.request(Method::PATCH, "/auth/me").bearer_auth(&user.tokens.access);
            app.send(request.json(&json!({ "name": "Ada" }))).await.about(&user)
        }
        "updateMe" "200" "a new username" => ["username_changed" {"username": "ada.l"}] |app| {
            let user = app.user().await;
            let request = app.request(Method::PATCH, "/auth/me").bearer_auth(&user.tokens.access);
            app.send(request.json(&json!({ "username": "ada.l" }))).await.about(&user)
        }
        "updateMe" "200" "nothing new" => [] |app| {
            let user = app.user().await;
            let request = || app.request(Method::PATCH, "/auth/me").bearer_auth(&user.tokens.access);
            app.send(request().json(&json!({ "name": "Ada" }))).await;
            app.send(request().json(&json!({ "name": "Ada" }))).await
        }
        "updateMe" "409 username_taken" "" => [] |app| {
            let (user, other) = (app.user().await, app.user().await);
            let request = |access: &str| app.request(Method::PATCH, "/auth/me").bearer_auth(access);
            app.send(request(&other.tokens.access).json(&json!({ "username": "held" }))).await;
            app.send(request(&user.tokens.access).json(&json!({ "username": "held" }))).await
        }
        "updateMe" "400 invalid_parameter" "If-Match" => [] |app| {
            let user = app.user().await;
            let request = app.request(Method::PATCH, "/auth/me").bearer_auth(&user.tokens.access);
            app.send(request.header("if-match", "new").json(&json!({ "name": "Ada" }))).await
        }
        "updateMe" "412 precondition_failed" "" => [] |app| {
            let user = app.user().await;
            let request = app.request(Method::PATCH, "/auth/me").bearer_auth(&user.tokens.access);
            app.send(request.header("if-match", OTHER_TAG).json(&json!({ "name": "Ada" }))).await
        }
        "updateMe" "429 rate_limited" "" => [] |app| {
            let user = app.user().await;
            app.until_limited(|| {
                let request = app.request(Method::PATCH, "/auth/me").bearer_auth(&user.tokens.access);
                request.json(&json!({ "name": app.new_email() }))
            }).await
        }
    }
}

fn delete() -> Vec<Row> {
    rows! {
        "deleteMe" "204" "" => ["deleted" {"reason": "user"}] |app| {
            let user = app.user().await;
            app.log_in_again(&user).await;
            let request = app.request(Method::POST, "/auth/me/delete").bearer_auth(&user.tokens.access);
            app.send(request.json(&json!({ "password": PASSWORD }))).await.about(&user)
        }
        "deleteMe" "422 validation_failed" "a wrong password" =>
            ["reauthentication_failed" {"operation": "delete_account", "reason": "wrong_password"}] |app| {
            let user = app.user().await;
            let request = app.request(Method::POST, "/auth/me/delete").bearer_auth(&user.tokens.access);
            app.send(request.json(&json!({ "password": "not the password" }))).await.about(&user)
        }
        "deleteMe" "429 rate_limited" "" => [] |app| {
            let user = app.user().await;
            app.until_limited(|| {
                let request = app.request(Method::POST, "/auth/me/delete").bearer_auth(&user.tokens.access);
                request.json(&json!({ "password": "not the password" }))
            }).await
        }
    }
}
