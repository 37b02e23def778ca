//! Administrators create, read, change and delete users, with entity tags and events.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::app::{PASSWORD, TestApp};
use crate::support::database::Backend;
use crate::support::flow_tests;
use crate::support::http::Answer;

flow_tests! {
    an_administrator_creates_changes_and_deletes_users,
    the_second_change_of_the_same_version_is_refused,
    emails_and_usernames_are_unique_in_any_spelling,
    another_user_answers_like_an_unknown_one,
    a_user_changes_only_the_fields_of_the_owner,
}

/// Send a request with an optional body and `If-Match` header.
async fn send(
    app: &TestApp,
    access: &str,
    method: Method,
    path: &str,
    body: Option<Value>,
    tag: Option<&str>,
) -> Answer {
    let mut request = app.request(method, path).bearer_auth(access);
    if let Some(tag) = tag {
        request = request.header("if-match", tag);
    }
    if let Some(body) = body {
        request = request.json(&body);
    }
    app.send(request).await
}

fn tag(answer: &Answer) -> String {
    answer.header("etag").expect("an ETag").to_owned()
}

/// The names and `data` of the events about a user.
async fn events_of(app: &TestApp, user: &str) -> Vec<(String, Value)> {
    let rows = app.ledger().await.into_iter();
    let about = rows.filter(|row| row.user_id.is_some_and(|id| id.to_string() == user));
    let event = |payload: Vec<u8>, subject: String| {
        let body: Value = serde_json::from_slice(&payload).expect("JSON");
        (subject.trim_start_matches("auth.user.").to_owned(), body["data"].clone())
    };
    about.map(|row| event(row.payload, row.subject)).collect()
}

async fn an_administrator_creates_changes_and_deletes_users(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let admin = app.admin().await;
    let root = admin.claims()["sub"].clone();
    let body = json!({
        "email": "Ada@Example.com", "password": PASSWORD, "name": "Ada", "username": "ada",
        "accountType": "artist", "profile": {"author": "Ada Lovelace", "country": "UK"},
    });
    let created = app.send_as(&admin.access, Method::POST, "/users", &body).await;
    let created = created.expect_status(201);
    assert!(created.json.get("accessToken").is_none(), "the response contains tokens");
    assert_eq!(created.json["roles"], json!(["user", "artist"]));
    assert_eq!(created.json["profile"], body["profile"]);
    let (id, path) = (created.str("/id").to_owned(), format!("/users/{}", created.str("/id")));
    let read = app.get_as(&admin.access, &path).await.expect_status(200);
    assert_eq!((&read.json, tag(&read)), (&created.json, tag(&created)));

    // PUT removes the omitted fields.
    let body = json!({"email": "lovelace@example.com", "accountType": "user", "username": "countess"});
    let put = send(&app, &admin.access, Method::PUT, &path, Some(body), Some(&tag(&created))).await;
    let put = put.expect_status(200);
    assert_eq!(put.str("/email"), "lovelace@example.com");
    assert_eq!(put.str("/accountType"), "user");
    assert!(put.json.get("name").is_none(), "{}", put.text);
    assert_eq!(put.json["profile"], json!({}));
    assert_eq!(put.json["roles"], created.json["roles"], "PUT changed the roles");
    app.login("ada", PASSWORD).await.expect_problem(401, "invalid_credentials");
    let session = app.login("Countess", PASSWORD).await.expect_status(200).tokens();

    // PUT takes what GET returned: what it cannot change is ignored, whatever it says.
    let mut whole = put.json.clone();
    whole["name"] = json!("Countess");
    whole["roles"] = json!(["admin"]);
    whole["status"] = json!("disabled");
    whole["id"] = Value::Null;
    let put = send(&app, &admin.access, Method::PUT, &path, Some(whole), Some(&tag(&put))).await;
    let put = put.expect_status(200);
    assert_eq!(
        (put.str("/name"), put.str("/status"), put.str("/id")),
        ("Countess", "active", id.as_str())
    );
    assert_eq!(put.json["roles"], created.json["roles"], "PUT changed the roles");
    // The list has one field more.
    let list = app.get_as(&admin.access, "/users").await.expect_status(200);
    let listed = list.json["users"]
        .as_array()
        .and_then(|users| users.iter().find(|user| user["id"] == *id));
    let listed = listed.expect("the user").clone();
    assert!(listed["userSeq"].is_number(), "{listed}");
    let unchanged = send(&app, &admin.access, Method::PUT, &path, Some(listed), None).await;
    assert_eq!(tag(&unchanged.expect_status(200)), tag(&put));
    let mut unknown = put.json.clone();
    unknown["phone"] = json!("555-0100");
    let refused = send(&app, &admin.access, Method::PUT, &path, Some(unknown), None).await;
    assert_eq!(refused.expect_problem(422, "validation_failed").str("/errors/0/pointer"), "#/phone");

    let patch = json!({"name": "Ada", "email": null});
    let refused = send(&app, &admin.access, Method::PATCH, &path, Some(patch), None).await;
    refused.expect_problem(422, "validation_failed");
    let patch = json!({"name": "Ada"});
    let patched = send(&app, &admin.access, Method::PATCH, &path, Some(patch.clone()), None).await;
    let patched = patched.expect_status(200);
    assert_ne!(tag(&patched), tag(&put));
    // The same change again records no event.
    let again = send(&app, &admin.access, Method::PATCH, &path, Some(patch), None).await;
    assert_eq!(tag(&again.expect_status(200)), tag(&patched));

    send(&app, &admin.access, Method::DELETE, &path, None, Some(&tag(&put)))
        .await
        .expect_problem(412, "precondition_failed");
    app.me(&session.access).await.expect_status(200);
    send(&app, &admin.access, Method::DELETE, &path, None, Some(&tag(&patched)))
        .await
        .expect_status(204);
    app.me(&session.access).await.expect_problem(401, "invalid_token");
    app.refresh(&session.refresh).await.expect_problem(401, "invalid_refresh_token");
    let deleted = app.get_as(&admin.access, &path).await.expect_status(200);
    assert_eq!(deleted.str("/status"), "deleted");
    for method in [Method::DELETE, Method::PATCH] {
        let body = (method == Method::PATCH).then(|| json!({"name": "Back"}));
        send(&app, &admin.access, method, &path, body, None)
            .await
            .expect_problem(404, "not_found");
    }

    let root = root.as_str().expect("sub");
    assert_events(&events_of(&app, &id).await, root);
    app.finish().await;
}

/// Assert the events about the user.
#[track_caller]
fn assert_events(events: &[(String, Value)], root: &str) {
    let names: Vec<&str> = events.iter().map(|(name, _)| name.as_str()).collect();
    let expected = [
        "registered",
        "email_changed",
        "username_changed",
        "updated",
        "logged_in",
        "updated",
        "updated",
        "deleted",
    ];
    assert_eq!(names, expected);
    for (name, data) in events {
        let by_admin = *name != "logged_in";
        assert_eq!(data["actor"] == json!({"type": "admin", "id": root}), by_admin, "{name}: {data}");
    }
    assert_eq!(events[1].1["previousEmail"], "Ada@Example.com");
    assert_eq!(events[1].1["email"], "lovelace@example.com");
    assert_eq!(events[2].1["username"], "countess");
    assert_eq!(events[3].1["changedFields"], json!(["name", "accountType", "profile"]));
    assert_eq!(events[7].1["reason"], "admin");
}

async fn the_second_change_of_the_same_version_is_refused(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let admin = app.admin().await;
    let ada = app.registered("ada@example.com").await;
    let path = format!("/users/{}", ada.str("/user/id"));
    let seen = tag(&app.get_as(&admin.access, &path).await.expect_status(200));
    let change =
        |name: &'static str| send(&app, &admin.access, Method::PATCH, &path, Some(json!({"name": name})), Some(&seen));
    let (one, two) = tokio::join!(change("One"), change("Two"));
    let (won, lost) = if one.status == 200 { (one, two) } else { (two, one) };
    let won = won.expect_status(200);
    lost.expect_problem(412, "precondition_failed");
    let now = app.get_as(&admin.access, &path).await.expect_status(200);
    assert_eq!(now.json, won.json, "the refused change had an effect");

    for (header, status) in [
        ("\"other\"", 412),
        // As a proxy that compresses answers sends it on.
        (&format!("W/{}", tag(&now))[..], 200),
        ("no tag", 400),
    ] {
        let answer = send(&app, &admin.access, Method::PATCH, &path, Some(json!({"name": "X"})), Some(header)).await;
        assert_eq!(answer.status, status, "{header}: {}", answer.text);
    }
    for (name, header) in [("Y", "*".to_owned()), ("Z", String::new())] {
        let now = tag(&app.get_as(&admin.access, &path).await.expect_status(200));
        let header = if header.is_empty() {
            format!("\"other\", {now}")
        } else {
            header
        };
        let body = json!({"name": name});
        let answer = send(&app, &admin.access, Method::PATCH, &path, Some(body), Some(&header)).await;
        answer.expect_status(200);
    }
    // A login does not change the entity tag.
    let before = tag(&app.get_as(&admin.access, &path).await);
    app.login("ada@example.com", PASSWORD).await.expect_status(200);
    assert_eq!(tag(&app.get_as(&admin.access, &path).await), before);
    app.finish().await;
}

async fn emails_and_usernames_are_unique_in_any_spelling(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let admin = app.admin().await;
    let make = |email: &str, username: &str| {
        let body = json!({"email": email, "username": username, "password": PASSWORD});
        let (app, access) = (&app, admin.access.clone());
        async move { app.send_as(&access, Method::POST, "/users", &body).await }
    };
    make("jos\u{e9}@example.com", "Stra\u{df}e").await.expect_status(201);
    // Another case, another normalization form.
    for email in [
        "JOSE\u{301}@Example.COM",
        "jos\u{c9}@example.com",
        "jose\u{301}@example.com",
    ] {
        make(email, "somebody").await.expect_problem(409, "email_taken");
    }
    for username in ["STRA\u{df}E", "stra\u{df}e"] {
        make("other@example.com", username).await.expect_problem(409, "username_taken");
    }
    let other = make("other@example.com", "other").await.expect_status(201);
    let path = format!("/users/{}", other.str("/id"));
    for (change, code) in [
        (json!({"email": "JOSE\u{301}@example.com"}), "email_taken"),
        (json!({"username": "STRA\u{df}E"}), "username_taken"),
    ] {
        app.send_as(&admin.access, Method::PATCH, &path, &change).await.expect_problem(409, code);
    }
    // Another spelling of the user's own address is no conflict.
    let changed = app
        .send_as(&admin.access, Method::PATCH, &path, &json!({"email": "OTHER@example.com"}))
        .await;
    assert_eq!(changed.expect_status(200).str("/email"), "OTHER@example.com");
    app.finish().await;
}

async fn another_user_answers_like_an_unknown_one(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let ada = app.registered("ada@example.com").await.tokens().access;
    let bob = app.registered("bob@example.com").await.str("/user/id").to_owned();
    let unknown = uuid::Uuid::from_u128(7).to_string();
    for (method, rest, body) in [
        (Method::GET, "", None),
        (Method::PATCH, "", Some(json!({"name": "X"}))),
        (Method::PATCH, "", Some(json!({"email": "x@example.com"}))),
        (Method::PUT, "", Some(json!({"email": "x@example.com", "accountType": "user"}))),
        (Method::DELETE, "", None),
        (Method::PUT, "/roles/admin", None),
        (Method::DELETE, "/roles/user", None),
        (Method::POST, "/disable", None),
        (Method::POST, "/enable", None),
        (Method::POST, "/unlock", None),
        (Method::DELETE, "/sessions", None),
    ] {
        let mut answers = Vec::new();
        for id in [&bob, &unknown] {
            let path = format!("/users/{id}{rest}");
            let answer = send(&app, &ada, method.clone(), &path, body.clone(), None).await;
            let mut body = answer.json.clone();
            body["requestId"] = Value::Null;
            answers.push((answer.status, body));
        }
        assert!(answers[0].0.is_client_error(), "{method} {rest}: {answers:?}");
        assert_eq!(answers[0], answers[1], "{method} {rest}");
    }
    app.finish().await;
}

async fn a_user_changes_only_the_fields_of_the_owner(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let ada = app.registered("ada@example.com").await;
    let (id, access) = (ada.str("/user/id").to_owned(), ada.tokens().access);
    let path = format!("/users/{id}");
    let read = app.get_as(&access, &path).await.expect_status(200);
    let body = json!({"name": "Ada", "username": "ada", "profile": {"age": 36}});
    let changed = send(&app, &access, Method::PATCH, &path, Some(body), Some(&tag(&read))).await;
    assert_eq!(app.me(&access).await.json, changed.expect_status(200).json);
    for body in [json!({"email": "x@example.com"}), json!({"accountType": "artist"})] {
        let refused = send(&app, &access, Method::PATCH, &path, Some(body), None).await;
        refused.expect_problem(403, "forbidden");
    }
    for body in [json!({"roles": ["admin"]}), json!({"status": "active"})] {
        let refused = send(&app, &access, Method::PATCH, &path, Some(body), None).await;
        refused.expect_problem(422, "validation_failed");
    }
    let events = events_of(&app, &id).await;
    let names: Vec<&str> = events.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["registered", "username_changed", "updated"]);
    assert!(events.iter().all(|(_, data)| data.get("actor").is_none()), "{events:?}");
    app.finish().await;
}
