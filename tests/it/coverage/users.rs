//! Rows of the administration of users: lists, accounts made, changed and deleted.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::stage::{Person, Stage};
use super::{Row, rows};
use crate::support::app::PASSWORD;

pub(super) fn rows() -> Vec<Row> {
    [list(), create(), read(), replace(), update(), delete()]
        .into_iter()
        .flatten()
        .collect()
}

/// A request of the administrator.
pub(super) async fn by_admin(stage: &Stage, method: Method, path: &str) -> RequestBuilder {
    stage.request(method, path).bearer_auth(&stage.admin().await.access)
}

/// A request of somebody who may not.
pub(super) async fn by_nobody(stage: &Stage, method: Method, path: &str) -> RequestBuilder {
    let person = stage.person().await;
    stage.request(method, path).bearer_auth(&person.tokens.access)
}

pub(super) fn path(person: &Person) -> String {
    format!("/users/{}", person.id)
}

pub(super) const UNKNOWN: &str = "/users/00000000-0000-7000-8000-000000000007";

/// What PUT and PATCH take.
fn account(stage: &Stage) -> Value {
    json!({ "email": stage.new_email(), "accountType": "user" })
}

/// A request to make an account, under the key of the one that was made with `first`.
async fn keyed_request(stage: &Stage, first: &Value, body: &Value) -> RequestBuilder {
    let request = by_admin(stage, Method::POST, "/users").await;
    request.header("idempotency-key", stage.key(first)).json(body)
}

/// An account that was made under a key: the body, and the account's id.
async fn keyed(stage: &Stage) -> (Value, String) {
    let body = json!({ "email": stage.new_email(), "password": PASSWORD });
    let id = stage.ask(keyed_request(stage, &body, &body).await).await.answered_id();
    (body, id)
}

fn list() -> Vec<Row> {
    rows! {
        "listUsers" "200" "" => [] |stage| {
            stage.ask(by_admin(stage, Method::GET, "/users").await).await
        }
        "listUsers" "403 forbidden" "" => [] |stage| {
            stage.ask(by_nobody(stage, Method::GET, "/users").await).await
        }
        "listUsers" "422 validation_failed" "" => [] |stage| {
            stage.ask(by_admin(stage, Method::GET, "/users?status=gone").await).await
        }
    }
}

fn create() -> Vec<Row> {
    rows! {
        "createUser" "201" "" => ["registered" {"accountType": "artist", "roles": ["user", "artist"]}] |stage| {
            let body = json!({ "email": stage.new_email(), "password": PASSWORD, "accountType": "artist" });
            stage.ask(by_admin(stage, Method::POST, "/users").await.json(&body)).await.about_answered_user()
        }
        "createUser" "201" "with roles" => ["registered" {"roles": ["user", "admin"]}] |stage| {
            let body = json!({ "email": stage.new_email(), "password": PASSWORD, "roles": ["admin", "user", "admin"] });
            stage.ask(by_admin(stage, Method::POST, "/users").await.json(&body)).await.about_answered_user()
        }
        "createUser" "201" "repeated" => [] |stage| {
            let (body, _) = keyed(stage).await;
            stage.ask(keyed_request(stage, &body, &body).await).await
        }
        "createUser" "400 invalid_parameter" "two words are no key" => [] |stage| {
            let body = json!({ "email": stage.new_email(), "password": PASSWORD });
            let request = by_admin(stage, Method::POST, "/users").await.header("idempotency-key", "two words");
            stage.ask(request.json(&body)).await
        }
        "createUser" "409 answer_spent" "the account is gone" => [] |stage| {
            let (body, id) = keyed(stage).await;
            stage.ask(by_admin(stage, Method::DELETE, &format!("/users/{id}")).await).await;
            stage.ask(keyed_request(stage, &body, &body).await).await
        }
        "createUser" "422 idempotency_key_reused" "another address" => [] |stage| {
            let (body, _) = keyed(stage).await;
            let other = json!({ "email": stage.new_email(), "password": PASSWORD });
            stage.ask(keyed_request(stage, &body, &other).await).await
        }
        "createUser" "422 idempotency_key_reused" "another password" => ["login_failed" {"reason": "wrong_password"}] |stage| {
            let (body, id) = keyed(stage).await;
            let other = json!({ "email": body["email"], "password": "not the password 7" });
            stage.ask(keyed_request(stage, &body, &other).await).await.about_id(&id)
        }
        "createUser" "403 forbidden" "" => [] |stage| {
            let body = json!({ "email": stage.new_email(), "password": PASSWORD });
            stage.ask(by_nobody(stage, Method::POST, "/users").await.json(&body)).await
        }
        "createUser" "409 email_taken" "" => [] |stage| {
            let person = stage.person().await;
            let body = json!({ "email": person.email, "password": PASSWORD });
            stage.ask(by_admin(stage, Method::POST, "/users").await.json(&body)).await
        }
        "createUser" "409 username_taken" "" => [] |stage| {
            let body = |email: String| json!({ "email": email, "password": PASSWORD, "username": "made" });
            stage.ask(by_admin(stage, Method::POST, "/users").await.json(&body(stage.new_email()))).await;
            stage.ask(by_admin(stage, Method::POST, "/users").await.json(&body(stage.new_email()))).await
        }
        "createUser" "422 validation_failed" "an unknown role" => [] |stage| {
            let body = json!({ "email": stage.new_email(), "password": PASSWORD, "roles": ["wizard"] });
            stage.ask(by_admin(stage, Method::POST, "/users").await.json(&body)).await
        }
        "createUser" "429 rate_limited" "" => [] |stage| {
            let access = stage.admin().await.access.clone();
            stage.until_limited(|| {
                let body = json!({ "email": stage.new_email(), "password": PASSWORD });
                stage.post("/users", &body).bearer_auth(&access)
            }).await
        }
    }
}

fn read() -> Vec<Row> {
    rows! {
        "getUser" "200" "oneself" => [] |stage| {
            let person = stage.person().await;
            let request = stage.request(Method::GET, &path(&person)).bearer_auth(&person.tokens.access);
            stage.ask(request).await
        }
        "getUser" "404 not_found" "somebody else" => [] |stage| {
            let person = stage.person().await;
            stage.ask(by_nobody(stage, Method::GET, &path(&person)).await).await
        }
        "getUser" "400 invalid_parameter" "" => [] |stage| {
            stage.ask(by_admin(stage, Method::GET, "/users/me").await).await
        }
    }
}

fn replace() -> Vec<Row> {
    rows! {
        "replaceUser" "200" "everything" => [
            "email_changed" {},
            "username_changed" {"new": "replaced"},
            "updated" {"changedFields": ["name", "accountType", "profile"]}
        ] |stage| {
            let person = stage.person().await;
            let body = json!({
                "email": stage.new_email(), "username": "replaced", "name": "Ada", "accountType": "artist",
                "profile": { "author": "Ada" },
            });
            stage.ask(by_admin(stage, Method::PUT, &path(&person)).await.json(&body)).await.about(&person)
        }
        "replaceUser" "200" "nothing" => [] |stage| {
            let person = stage.person().await;
            let body = json!({ "email": person.email, "accountType": "user" });
            stage.ask(by_admin(stage, Method::PUT, &path(&person)).await.json(&body)).await
        }
        "replaceUser" "400 invalid_parameter" "" => [] |stage| {
            let body = account(stage);
            stage.ask(by_admin(stage, Method::PUT, "/users/me").await.json(&body)).await
        }
        "replaceUser" "403 forbidden" "oneself" => [] |stage| {
            let person = stage.person().await;
            let request = stage.request(Method::PUT, &path(&person)).bearer_auth(&person.tokens.access);
            stage.ask(request.json(&account(stage))).await
        }
        "replaceUser" "404 not_found" "" => [] |stage| {
            let body = account(stage);
            stage.ask(by_admin(stage, Method::PUT, UNKNOWN).await.json(&body)).await
        }
        "replaceUser" "409 email_taken" "" => [] |stage| {
            let (person, other) = (stage.person().await, stage.person().await);
            let body = json!({ "email": other.email, "accountType": "user" });
            stage.ask(by_admin(stage, Method::PUT, &path(&person)).await.json(&body)).await
        }
        "replaceUser" "409 username_taken" "" => [] |stage| {
            let (person, other) = (stage.person().await, stage.person().await);
            let body = |email: &str| json!({ "email": email, "accountType": "user", "username": "putme" });
            stage.ask(by_admin(stage, Method::PUT, &path(&other)).await.json(&body(&other.email))).await;
            stage.ask(by_admin(stage, Method::PUT, &path(&person)).await.json(&body(&person.email))).await
        }
        "replaceUser" "412 precondition_failed" "" => [] |stage| {
            let person = stage.person().await;
            let request = by_admin(stage, Method::PUT, &path(&person)).await.header("if-match", "\"old\"");
            stage.ask(request.json(&account(stage))).await
        }
        "replaceUser" "429 rate_limited" "" => [] |stage| {
            let (person, access) = (stage.person().await, stage.admin().await.access.clone());
            stage.until_limited(|| {
                let request = stage.request(Method::PUT, &path(&person)).bearer_auth(&access);
                request.json(&account(stage))
            }).await
        }
    }
}

fn update() -> Vec<Row> {
    rows! {
        "updateUser" "200" "an address" => ["email_changed" {}] |stage| {
            let person = stage.person().await;
            let body = json!({ "email": stage.new_email() });
            stage.ask(by_admin(stage, Method::PATCH, &path(&person)).await.json(&body)).await.about(&person)
        }
        "updateUser" "200" "one's own" => ["username_changed" {}, "updated" {"changedFields": ["name"]}] |stage| {
            let person = stage.person().await;
            let request = stage.request(Method::PATCH, &path(&person)).bearer_auth(&person.tokens.access);
            stage.ask(request.json(&json!({ "name": "Ada", "username": "my-own" }))).await.about(&person)
        }
        "updateUser" "400 invalid_parameter" "" => [] |stage| {
            let body = account(stage);
            stage.ask(by_admin(stage, Method::PATCH, "/users/me").await.json(&body)).await
        }
        "updateUser" "400 invalid_parameter" "If-Match" => [] |stage| {
            let person = stage.person().await;
            let request = by_admin(stage, Method::PATCH, &path(&person)).await.header("if-match", "new");
            stage.ask(request.json(&account(stage))).await
        }
        "updateUser" "403 forbidden" "one's own address" => [] |stage| {
            let person = stage.person().await;
            let request = stage.request(Method::PATCH, &path(&person)).bearer_auth(&person.tokens.access);
            stage.ask(request.json(&account(stage))).await
        }
        "updateUser" "404 not_found" "somebody else" => [] |stage| {
            let person = stage.person().await;
            let request = by_nobody(stage, Method::PATCH, &path(&person)).await;
            stage.ask(request.json(&json!({ "name": "Eve" }))).await
        }
        "updateUser" "409 email_taken" "" => [] |stage| {
            let (person, other) = (stage.person().await, stage.person().await);
            let body = json!({ "email": other.email });
            stage.ask(by_admin(stage, Method::PATCH, &path(&person)).await.json(&body)).await
        }
        "updateUser" "409 username_taken" "" => [] |stage| {
            let (person, other) = (stage.person().await, stage.person().await);
            let body = json!({ "username": "patchme" });
            stage.ask(by_admin(stage, Method::PATCH, &path(&other)).await.json(&body)).await;
            stage.ask(by_admin(stage, Method::PATCH, &path(&person)).await.json(&body)).await
        }
        "updateUser" "412 precondition_failed" "" => [] |stage| {
            let person = stage.person().await;
            let request = by_admin(stage, Method::PATCH, &path(&person)).await.header("if-match", "\"old\"");
            stage.ask(request.json(&account(stage))).await
        }
        "updateUser" "429 rate_limited" "" => [] |stage| {
            let person = stage.person().await;
            stage.until_limited(|| {
                let request = stage.request(Method::PATCH, &path(&person)).bearer_auth(&person.tokens.access);
                request.json(&json!({ "name": stage.new_email() }))
            }).await
        }
    }
}

fn delete() -> Vec<Row> {
    rows! {
        "deleteUser" "204" "" => ["deleted" {"reason": "admin"}] |stage| {
            let person = stage.person().await;
            stage.another_session(&person).await;
            stage.ask(by_admin(stage, Method::DELETE, &path(&person)).await).await.about(&person)
        }
        "deleteUser" "400 invalid_parameter" "" => [] |stage| {
            stage.ask(by_admin(stage, Method::DELETE, "/users/me").await).await
        }
        "deleteUser" "403 forbidden" "" => [] |stage| {
            let person = stage.person().await;
            stage.ask(by_nobody(stage, Method::DELETE, &path(&person)).await).await
        }
        "deleteUser" "404 not_found" "one who is gone" => [] |stage| {
            let person = stage.person().await;
            stage.ask(by_admin(stage, Method::DELETE, &path(&person)).await).await;
            stage.ask(by_admin(stage, Method::DELETE, &path(&person)).await).await
        }
        "deleteUser" "412 precondition_failed" "" => [] |stage| {
            let person = stage.person().await;
            let request = by_admin(stage, Method::DELETE, &path(&person)).await;
            stage.ask(request.header("if-match", "\"old\"")).await
        }
        "deleteUser" "429 rate_limited" "" => [] |stage| {
            let access = stage.admin().await.access.clone();
            stage.until_limited(|| stage.request(Method::DELETE, UNKNOWN).bearer_auth(&access)).await
        }
    }
}
