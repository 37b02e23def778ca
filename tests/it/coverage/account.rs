//! Rows of the account: register, show, change, delete.

use reqwest::Method;
use serde_json::json;

use super::{Row, rows};
use crate::support::app::PASSWORD;

pub(super) fn rows() -> Vec<Row> {
    [register(), change(), delete()].into_iter().flatten().collect()
}

fn register() -> Vec<Row> {
    rows! {
        "register" "201" "a new account" => ["registered" {"accountType": "user", "roles": ["user"]}] |stage| {
            let body = json!({ "email": stage.new_email(), "password": PASSWORD });
            stage.ask(stage.post("/auth/register", &body)).await.about_answered()
        }
        "register" "409 email_taken" "" => [] |stage| {
            let person = stage.person().await;
            let body = json!({ "email": person.email.to_uppercase(), "password": PASSWORD });
            stage.ask(stage.post("/auth/register", &body)).await
        }
        "register" "409 username_taken" "" => [] |stage| {
            let first = json!({ "email": stage.new_email(), "password": PASSWORD, "username": "wanted" });
            stage.ask(stage.post("/auth/register", &first)).await;
            let second = json!({ "email": stage.new_email(), "password": PASSWORD, "username": "Wanted" });
            stage.ask(stage.post("/auth/register", &second)).await
        }
        "register" "422 validation_failed" "a guessable password" => [] |stage| {
            let body = json!({ "email": stage.new_email(), "password": "password1" });
            stage.ask(stage.post("/auth/register", &body)).await
        }
        "register" "201" "repeated" => [] |stage| {
            let (body, _) = stage.keyed_registration().await;
            stage.ask(stage.post("/auth/register", &body).header("idempotency-key", &stage.key(&body))).await
        }
        "register" "400 invalid_parameter" "two words are no key" => [] |stage| {
            let body = json!({ "email": stage.new_email(), "password": PASSWORD });
            stage.ask(stage.post("/auth/register", &body).header("idempotency-key", "two words")).await
        }
        "register" "409 answer_spent" "" => [] |stage| {
            let (body, person) = stage.keyed_registration().await;
            stage.refreshed(&person.tokens).await;
            stage.ask(stage.post("/auth/register", &body).header("idempotency-key", &stage.key(&body))).await
        }
        "register" "422 idempotency_key_reused" "another address" => [] |stage| {
            let (body, _) = stage.keyed_registration().await;
            let other = json!({ "email": stage.new_email(), "password": PASSWORD });
            stage.ask(stage.post("/auth/register", &other).header("idempotency-key", &stage.key(&body))).await
        }
        "register" "422 idempotency_key_reused" "another password" => ["login_failed" {"reason": "wrong_password"}] |stage| {
            let (body, person) = stage.keyed_registration().await;
            let other = json!({ "email": person.email, "password": "not the password 7" });
            let request = stage.post("/auth/register", &other).header("idempotency-key", &stage.key(&body));
            stage.ask(request).await.about(&person)
        }
        "register" "429 rate_limited" "" => [] |stage| {
            stage.until_limited(|| {
                let body = json!({ "email": stage.new_email(), "password": PASSWORD });
                stage.post("/auth/register", &body)
            }).await
        }
    }
}

fn change() -> Vec<Row> {
    rows! {
        "getMe" "200" "" => [] |stage| {
            let person = stage.person().await;
            stage.ask(stage.request(Method::GET, "/auth/me").bearer_auth(&person.tokens.access)).await
        }
        "updateMe" "200" "a new name" => ["updated" {"changedFields": ["name"]}] |stage| {
            let person = stage.person().await;
            let request = stage.request(Method::PATCH, "/auth/me").bearer_auth(&person.tokens.access);
            stage.ask(request.json(&json!({ "name": "Ada" }))).await.about(&person)
        }
        "updateMe" "200" "a new username" => ["username_changed" {"new": "ada.l"}] |stage| {
            let person = stage.person().await;
            let request = stage.request(Method::PATCH, "/auth/me").bearer_auth(&person.tokens.access);
            stage.ask(request.json(&json!({ "username": "ada.l" }))).await.about(&person)
        }
        "updateMe" "200" "nothing new" => [] |stage| {
            let person = stage.person().await;
            let request = || stage.request(Method::PATCH, "/auth/me").bearer_auth(&person.tokens.access);
            stage.ask(request().json(&json!({ "name": "Ada" }))).await;
            stage.ask(request().json(&json!({ "name": "Ada" }))).await
        }
        "updateMe" "409 username_taken" "" => [] |stage| {
            let (person, other) = (stage.person().await, stage.person().await);
            let request = |access: &str| stage.request(Method::PATCH, "/auth/me").bearer_auth(access);
            stage.ask(request(&other.tokens.access).json(&json!({ "username": "held" }))).await;
            stage.ask(request(&person.tokens.access).json(&json!({ "username": "held" }))).await
        }
        "updateMe" "429 rate_limited" "" => [] |stage| {
            let person = stage.person().await;
            stage.until_limited(|| {
                let request = stage.request(Method::PATCH, "/auth/me").bearer_auth(&person.tokens.access);
                request.json(&json!({ "name": stage.new_email() }))
            }).await
        }
    }
}

fn delete() -> Vec<Row> {
    rows! {
        "deleteMe" "204" "" => ["deleted" {"reason": "user"}] |stage| {
            let person = stage.person().await;
            stage.another_session(&person).await;
            let request = stage.request(Method::DELETE, "/auth/me").bearer_auth(&person.tokens.access);
            stage.ask(request.json(&json!({ "password": PASSWORD }))).await.about(&person)
        }
        "deleteMe" "422 validation_failed" "a wrong password" => ["login_failed" {"reason": "wrong_password"}] |stage| {
            let person = stage.person().await;
            let request = stage.request(Method::DELETE, "/auth/me").bearer_auth(&person.tokens.access);
            stage.ask(request.json(&json!({ "password": "not the password" }))).await.about(&person)
        }
        "deleteMe" "429 rate_limited" "" => [] |stage| {
            let person = stage.person().await;
            stage.until_limited(|| {
                let request = stage.request(Method::DELETE, "/auth/me").bearer_auth(&person.tokens.access);
                request.json(&json!({ "password": "not the password" }))
            }).await
        }
    }
}
