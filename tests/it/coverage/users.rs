//! Rows of users: list, create, read, change, delete.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::fixture::{Fixture, User};
use super::{Row, rows};
use crate::support::app::PASSWORD;

pub(super) fn rows() -> Vec<Row> {
    [list(), create(), read(), replace(), update(), delete()].into_iter().flatten().collect()
}

/// A request of the administrator.
pub(super) async fn by_admin(app: &Fixture, method: Method, path: &str) -> RequestBuilder {
    app.request(method, path).bearer_auth(&app.admin().await.access)
}

/// A request of a user who is not an administrator.
pub(super) async fn by_user(app: &Fixture, method: Method, path: &str) -> RequestBuilder {
    let user = app.user().await;
    app.request(method, path).bearer_auth(&user.tokens.access)
}

pub(super) fn path(user: &User) -> String {
    format!("/users/{}", user.id)
}

pub(super) const UNKNOWN: &str = "/users/00000000-0000-7000-8000-000000000007";

/// A body for PUT and PATCH.
fn account(app: &Fixture) -> Value {
    json!({ "email": app.new_email(), "accountType": "user" })
}

/// A request to create a user, with the idempotency key of the request with the body `first`.
async fn keyed_request(app: &Fixture, first: &Value, body: &Value) -> RequestBuilder {
    let request = by_admin(app, Method::POST, "/users").await;
    request.header("idempotency-key", app.key_for(first)).json(body)
}

/// Create a user with an idempotency key. Return the body and the user's id.
async fn keyed_creation(app: &Fixture) -> (Value, String) {
    let body = json!({ "email": app.new_email(), "password": PASSWORD });
    let id = app.send(keyed_request(app, &body, &body).await).await.response_id();
    (body, id)
}

fn list() -> Vec<Row> {
    rows! {
        "listUsers" "200" "" => [] |app| {
            app.send(by_admin(app, Method::GET, "/users").await).await
        }
        "listUsers" "403 forbidden" "" => [] |app| {
            app.send(by_user(app, Method::GET, "/users").await).await
        }
        "listUsers" "400 invalid_parameter" "" => [] |app| {
            app.send(by_admin(app, Method::GET, "/users?status=gone").await).await
        }
    }
}

fn create() -> Vec<Row> {
    rows! {
        "createUser" "201" "" => ["registered" {"accountType": "artist", "roles": ["user", "artist"]}] |app| {
            let body = json!({ "email": app.new_email(), "password": PASSWORD, "accountType": "artist" });
            app.send(by_admin(app, Method::POST, "/users").await.json(&body)).await.about_response_user()
        }
        "createUser" "201" "with roles" => ["registered" {"roles": ["user", "admin"]}] |app| {
            let body = json!({ "email": app.new_email(), "password": PASSWORD, "roles": ["admin", "user", "admin"] });
            app.send(by_admin(app, Method::POST, "/users").await.json(&body)).await.about_response_user()
        }
        "createUser" "201" "a replay" => [] |app| {
            let (body, _) = keyed_creation(app).await;
            app.send(keyed_request(app, &body, &body).await).await
        }
        "createUser" "400 invalid_parameter" "a malformed key" => [] |app| {
            let body = json!({ "email": app.new_email(), "password": PASSWORD });
            let request = by_admin(app, Method::POST, "/users").await.header("idempotency-key", "two words");
            app.send(request.json(&body)).await
        }
        "createUser" "409 answer_spent" "a deleted user" => [] |app| {
            let (body, id) = keyed_creation(app).await;
            app.send(by_admin(app, Method::DELETE, &format!("/users/{id}")).await).await;
            app.send(keyed_request(app, &body, &body).await).await
        }
        "createUser" "422 idempotency_key_reused" "another address" => [] |app| {
            let (body, _) = keyed_creation(app).await;
            let other = json!({ "email": app.new_email(), "password": PASSWORD });
            app.send(keyed_request(app, &body, &other).await).await
        }
        "createUser" "422 idempotency_key_reused" "another password" =>
            ["reauthentication_failed" {"operation": "repeat_user_creation", "reason": "wrong_password"}] |app| {
            let (body, id) = keyed_creation(app).await;
            let other = json!({ "email": body["email"], "password": "not the password 7" });
            app.send(keyed_request(app, &body, &other).await).await.about_id(&id)
        }
        "createUser" "403 forbidden" "" => [] |app| {
            let body = json!({ "email": app.new_email(), "password": PASSWORD });
            app.send(by_user(app, Method::POST, "/users").await.json(&body)).await
        }
        "createUser" "409 email_taken" "" => [] |app| {
            let user = app.user().await;
            let body = json!({ "email": user.email, "password": PASSWORD });
            app.send(by_admin(app, Method::POST, "/users").await.json(&body)).await
        }
        "createUser" "409 username_taken" "" => [] |app| {
            let body = |email: String| json!({ "email": email, "password": PASSWORD, "username": "made" });
            app.send(by_admin(app, Method::POST, "/users").await.json(&body(app.new_email()))).await;
            app.send(by_admin(app, Method::POST, "/users").await.json(&body(app.new_email()))).await
        }
        "createUser" "422 validation_failed" "an unknown role" => [] |app| {
            let body = json!({ "email": app.new_email(), "password": PASSWORD, "roles": ["wizard"] });
            app.send(by_admin(app, Method::POST, "/users").await.json(&body)).await
        }
        "createUser" "429 rate_limited" "" => [] |app| {
            let access = app.admin().await.access.clone();
            app.until_limited(|| {
                let body = json!({ "email": app.new_email(), "password": PASSWORD });
                app.post("/users", &body).bearer_auth(&access)
            }).await
        }
    }
}

fn read() -> Vec<Row> {
    rows! {
        "getUser" "200" "the caller" => [] |app| {
            let user = app.user().await;
            let request = app.request(Method::GET, &path(&user)).bearer_auth(&user.tokens.access);
            app.send(request).await
        }
        "getUser" "404 not_found" "another user" => [] |app| {
            let user = app.user().await;
            app.send(by_user(app, Method::GET, &path(&user)).await).await
        }
        "getUser" "400 invalid_parameter" "" => [] |app| {
            app.send(by_admin(app, Method::GET, "/users/me").await).await
        }
    }
}

fn replace() -> Vec<Row> {
    rows! {
        "replaceUser" "200" "all fields" => [
            "email_changed" {},
            "username_changed" {"username": "replaced"},
            "updated" {"changedFields": ["name", "accountType", "profile"]}
        ] |app| {
            let user = app.user().await;
            let body = json!({
                "email": app.new_email(), "username": "replaced", "name": "Ada", "accountType": "artist",
                "profile": { "author": "Ada" },
            });
            app.send(by_admin(app, Method::PUT, &path(&user)).await.json(&body)).await.about(&user)
        }
        "replaceUser" "200" "no change" => [] |app| {
            let user = app.user().await;
            let body = json!({ "email": user.email, "accountType": "user" });
            app.send(by_admin(app, Method::PUT, &path(&user)).await.json(&body)).await
        }
        "replaceUser" "400 invalid_parameter" "" => [] |app| {
            let body = account(app);
            app.send(by_admin(app, Method::PUT, "/users/me").await.json(&body)).await
        }
        "replaceUser" "403 forbidden" "the caller" => [] |app| {
            let user = app.user().await;
            let request = app.request(Method::PUT, &path(&user)).bearer_auth(&user.tokens.access);
            app.send(request.json(&account(app))).await
        }
        "replaceUser" "404 not_found" "" => [] |app| {
            let body = account(app);
            app.send(by_admin(app, Method::PUT, UNKNOWN).await.json(&body)).await
        }
        "replaceUser" "409 email_taken" "" => [] |app| {
            let (user, other) = (app.user().await, app.user().await);
            let body = json!({ "email": other.email, "accountType": "user" });
            app.send(by_admin(app, Method::PUT, &path(&user)).await.json(&body)).await
        }
        "replaceUser" "409 username_taken" "" => [] |app| {
            let (user, other) = (app.user().await, app.user().await);
            let body = |email: &str| json!({ "email": email, "accountType": "user", "username": "putme" });
            app.send(by_admin(app, Method::PUT, &path(&other)).await.json(&body(&other.email))).await;
            app.send(by_admin(app, Method::PUT, &path(&user)).await.json(&body(&user.email))).await
        }
        "replaceUser" "412 precondition_failed" "" => [] |app| {
            let user = app.user().await;
            let request = by_admin(app, Method::PUT, &path(&user)).await.header("if-match", "\"old\"");
            app.send(request.json(&account(app))).await
        }
        "replaceUser" "429 rate_limited" "" => [] |app| {
            let (user, access) = (app.user().await, app.admin().await.access.clone());
            app.until_limited(|| {
                let request = app.request(Method::PUT, &path(&user)).bearer_auth(&access);
                request.json(&account(app))
            }).await
        }
    }
}

fn update() -> Vec<Row> {
    rows! {
        "updateUser" "200" "an address" => ["email_changed" {}] |app| {
            let user = app.user().await;
            let body = json!({ "email": app.new_email() });
            app.send(by_admin(app, Method::PATCH, &path(&user)).await.json(&body)).await.about(&user)
        }
        "updateUser" "200" "the caller" => ["username_changed" {}, "updated" {"changedFields": ["name"]}] |app| {
            let user = app.user().await;
            let request = app.request(Method::PATCH, &path(&user)).bearer_auth(&user.tokens.access);
            app.send(request.json(&json!({ "name": "Ada", "username": "my-own" }))).await.about(&user)
        }
        "updateUser" "400 invalid_parameter" "" => [] |app| {
            let body = account(app);
            app.send(by_admin(app, Method::PATCH, "/users/me").await.json(&body)).await
        }
        "updateUser" "400 invalid_parameter" "If-Match" => [] |app| {
            let user = app.user().await;
            let request = by_admin(app, Method::PATCH, &path(&user)).await.header("if-match", "new");
            app.send(request.json(&account(app))).await
        }
        "updateUser" "403 forbidden" "the caller's address" => [] |app| {
            let user = app.user().await;
            let request = app.request(Method::PATCH, &path(&user)).bearer_auth(&user.tokens.access);
            app.send(request.json(&account(app))).await
        }
        "updateUser" "404 not_found" "another user" => [] |app| {
            let user = app.user().await;
            let request = by_user(app, Method::PATCH, &path(&user)).await;
            app.send(request.json(&json!({ "name": "Eve" }))).await
        }
        "updateUser" "409 email_taken" "" => [] |app| {
            let (user, other) = (app.user().await, app.user().await);
            let body = json!({ "email": other.email });
            app.send(by_admin(app, Method::PATCH, &path(&user)).await.json(&body)).await
        }
        "updateUser" "409 username_taken" "" => [] |app| {
            let (user, other) = (app.user().await, app.user().await);
            let body = json!({ "username": "patchme" });
            app.send(by_admin(app, Method::PATCH, &path(&other)).await.json(&body)).await;
            app.send(by_admin(app, Method::PATCH, &path(&user)).await.json(&body)).await
        }
        "updateUser" "412 precondition_failed" "" => [] |app| {
            let user = app.user().await;
            let request = by_admin(app, Method::PATCH, &path(&user)).await.header("if-match", "\"old\"");
            app.send(request.json(&account(app))).await
        }
        "updateUser" "429 rate_limited" "" => [] |app| {
            let user = app.user().await;
            app.until_limited(|| {
                let request = app.request(Method::PATCH, &path(&user)).bearer_auth(&user.tokens.access);
                request.json(&json!({ "name": app.new_email() }))
            }).await
        }
    }
}

fn delete() -> Vec<Row> {
    rows! {
        "deleteUser" "204" "" => ["deleted" {"reason": "admin"}] |app| {
            let user = app.user().await;
            app.log_in_again(&user).await;
            app.send(by_admin(app, Method::DELETE, &path(&user)).await).await.about(&user)
        }
        "deleteUser" "400 invalid_parameter" "" => [] |app| {
            app.send(by_admin(app, Method::DELETE, "/users/me").await).await
        }
        "deleteUser" "403 forbidden" "" => [] |app| {
            let user = app.user().await;
            app.send(by_user(app, Method::DELETE, &path(&user)).await).await
        }
        "deleteUser" "404 not_found" "a deleted user" => [] |app| {
            let user = app.user().await;
            app.send(by_admin(app, Method::DELETE, &path(&user)).await).await;
            app.send(by_admin(app, Method::DELETE, &path(&user)).await).await
        }
        "deleteUser" "412 precondition_failed" "" => [] |app| {
            let user = app.user().await;
            let request = by_admin(app, Method::DELETE, &path(&user)).await;
            app.send(request.header("if-match", "\"old\"")).await
        }
        "deleteUser" "429 rate_limited" "" => [] |app| {
            let access = app.admin().await.access.clone();
            app.until_limited(|| app.request(Method::DELETE, UNKNOWN).bearer_auth(&access)).await
        }
    }
}
