//! Registration and the caller's account: uniqueness, password policy, change and deletion.

use std::time::Duration;

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;

use crate::support::app::{PASSWORD, TestApp};
use crate::support::database::Backend;
use crate::support::flow_tests;
use crate::support::http::Answer;

flow_tests! {
    parallel_registrations_of_one_address_create_one_account,
    emails_and_usernames_are_unique_in_any_case,
    a_password_must_satisfy_the_policy,
    an_account_changes_its_profile_field_by_field,
    an_account_changes_only_in_the_version_that_was_read,
    deleting_an_account_requires_the_password,
}

async fn parallel_registrations_of_one_address_create_one_account(backend: Backend) {
    // Long timeouts, so that no request is refused on a busy machine.
    let builder = TestApp::builder(backend).settings(|settings| {
        settings.database.acquire_timeout = Duration::from_secs(30);
        settings.passwords.max_wait = Duration::from_secs(30);
        settings.http.request_deadline = Duration::from_secs(90);
    });
    let app = builder.spawn().await;
    let answers = join_all((0..100).map(|n| {
        let email = if n % 2 == 0 {
            "ada@example.com"
        } else {
            "ADA@Example.COM"
        };
        app.register(email, PASSWORD)
    }));
    let answers = answers.await;
    let created = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(created, 1);
    for answer in answers.into_iter().filter(|answer| answer.status != 201) {
        // On a busy machine some requests may not get a hashing thread in time.
        if answer.status == 503 {
            answer.expect_problem(503, "overloaded");
        } else {
            answer.expect_problem(409, "email_taken");
        }
    }
    assert_eq!(app.event_names().await, ["registered"]);
    app.finish().await;
}

async fn emails_and_usernames_are_unique_in_any_case(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let register = |email: &str, username: &str| {
        let body = json!({"email": email, "password": PASSWORD, "username": username});
        let app = &app;
        async move { app.post("/auth/register", &body).await }
    };
    register("ada@example.com", "ada_l").await.expect_status(201);
    register("Ada@EXAMPLE.com", "other").await.expect_problem(409, "email_taken");
    register("bob@example.com", "ADA_L").await.expect_problem(409, "username_taken");
    register("bob@example.com", "bob").await.expect_status(201);
    for identifier in ["ada@example.com", "ADA@example.com", "ada_l", "Ada_L"] {
        app.login(identifier, PASSWORD).await.expect_status(200);
    }
    for (field, value) in [
        ("email", "ada@example.com"),
        ("username", "ada_l"),
        ("identifier", "ada_l"),
    ] {
        app.post("/auth/login", &json!({field: value, "password": PASSWORD}))
            .await
            .expect_status(200);
    }
    app.finish().await;
}

async fn a_password_must_satisfy_the_policy(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let too_long = "é".repeat(129);
    let refused = [
        "short7!",
        "qwertyuiop",
        "Password1",
        "ada@example.com",
        too_long.as_str(),
        "",
    ];
    for password in refused {
        let answer = app.register("ada@example.com", password).await;
        assert_eq!(answer.status, 422, "{password:?} is accepted");
        let answer = answer.expect_problem(422, "validation_failed");
        assert_eq!(answer.str("/errors/0/pointer"), "#/password", "{}", answer.text);
        assert!(
            password.is_empty() || !answer.text.contains(password),
            "the response contains the password"
        );
    }
    // The limit counts code points, not bytes. Passwords are not truncated.
    let longest = "é7xQ¿mλ2øWñ9kЖ!z".repeat(8);
    app.register("ada@example.com", &longest).await.expect_status(201);
    app.login("ada@example.com", &longest).await.expect_status(200);
    let shorter: String = longest.chars().take(127).collect();
    app.login("ada@example.com", &shorter).await.expect_problem(401, "invalid_credentials");
    // The same text in another normalization form is the same password.
    app.login("ada@example.com", &longest.replace('é', "e\u{301}")).await.expect_status(200);
    assert_eq!(app.event_names().await, ["registered", "logged_in", "login_failed", "logged_in"]);
    app.finish().await;
}

async fn an_account_changes_its_profile_field_by_field(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let ada = app.registered("ada@example.com").await.tokens().access;
    let bob = app.registered("bob@example.com").await.tokens().access;
    let change = |access: &str, body: serde_json::Value| {
        let (app, access) = (&app, access.to_owned());
        async move { app.send_as(&access, Method::PATCH, "/auth/me", &body).await }
    };
    let me = change(&ada, json!({"name": "Ada", "username": "ada_l"})).await.expect_status(200);
    assert_eq!((me.str("/name"), me.str("/username")), ("Ada", "ada_l"));
    assert_eq!(app.me(&ada).await.json, me.json, "the change is visible at once");
    change(&bob, json!({"username": "Ada_L"})).await.expect_problem(409, "username_taken");
    change(&ada, json!({"name": "Ada"})).await.expect_status(200);
    let me = change(&ada, json!({"name": null})).await.expect_status(200);
    assert!(me.json.get("name").is_none_or(serde_json::Value::is_null), "{}", me.text);
    for field in [
        "roles",
        "id",
        "email",
        "emailVerified",
        "status",
        "createdAt",
        "passwordHash",
        "isAdmin",
    ] {
        change(&ada, json!({field: "admin"})).await.expect_problem(422, "validation_failed");
    }
    assert_eq!(app.me(&ada).await.json["roles"], json!(["user"]));

    let events = app.events().await;
    let changed: Vec<_> = events
        .iter()
        .filter(|event| event.subject == "auth.user.updated")
        .map(|event| event.payload["data"]["changedFields"].clone())
        .collect();
    assert_eq!(changed.len(), 2, "an update without changes records no event: {changed:?}");
    assert_eq!(changed[0], json!(["name"]));
    assert_eq!(changed[1], json!(["name"]));
    let named: Vec<_> = events
        .iter()
        .filter(|event| event.subject == "auth.user.username_changed")
        .map(|event| event.payload["data"]["username"].clone())
        .collect();
    assert_eq!(named, ["ada_l"], "a username has its own event");
    app.finish().await;
}

async fn an_account_changes_only_in_the_version_that_was_read(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let access = app.registered("ada@example.com").await.tokens().access;
    let tag = |answer: &Answer| answer.header("etag").expect("an ETag").to_owned();
    let change = async |media_type: &str, tag: &str, name: &str| {
        let request = app.request(Method::PATCH, "/auth/me").bearer_auth(&access);
        let request = request.header("if-match", tag).header("content-type", media_type);
        app.send(request.body(json!({ "name": name }).to_string())).await
    };
    let read = tag(&app.me(&access).await);
    let merge_patch = "application/merge-patch+json";
    let first = change(merge_patch, &read, "Ada").await.expect_status(200);
    assert_eq!((first.str("/name"), tag(&first)), ("Ada", tag(&app.me(&access).await)));
    change("application/json", &read, "Eve").await.expect_problem(412, "precondition_failed");
    let refused = change("application/json-patch+json", &tag(&first), "Eve").await;
    let refused = refused.expect_problem(415, "unsupported_media_type");
    assert_eq!(refused.header("accept-patch"), Some("application/merge-patch+json, application/json"));
    assert!(refused.str("/detail").contains(merge_patch), "{}", refused.text);
    let refused = change(merge_patch, "Ada", "Eve").await.expect_problem(400, "invalid_parameter");
    assert_eq!(refused.str("/errors/0/header"), "If-Match");
    assert_eq!(app.me(&access).await.str("/name"), "Ada");
    app.finish().await;
}

async fn deleting_an_account_requires_the_password(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let first = app.registered("ada@example.com").await;
    let tokens = first.tokens();
    let other = app.login("ada@example.com", PASSWORD).await.tokens();
    let delete = |body: serde_json::Value| {
        let (app, access) = (&app, tokens.access.clone());
        async move { app.send_as(&access, Method::POST, "/auth/me/delete", &body).await }
    };
    let refused = delete(json!({"password": "not the password"})).await;
    assert!((400..500).contains(&refused.status.as_u16()), "{}", refused.text);
    delete(json!({})).await.expect_problem(422, "validation_failed");
    app.me(&tokens.access).await.expect_status(200);
    let events = app.events().await;
    let failed = events.last().expect("an event");
    assert_eq!(failed.subject, "auth.user.reauthentication_failed");
    let data = &failed.payload["data"];
    assert_eq!(
        (&data["operation"], &data["reason"]),
        (&json!("delete_account"), &json!("wrong_password"))
    );
    assert_eq!(
        (&data["userId"], &data["sessionId"]),
        (&first.json["user"]["id"], &json!(tokens.session()))
    );
    assert_eq!(app.failed_logins().await, 0, "nobody tried to log in");

    delete(json!({"password": PASSWORD})).await.expect_status(204);
    for tokens in [&tokens, &other] {
        app.me(&tokens.access).await.expect_problem(401, "invalid_token");
        app.refresh(&tokens.refresh).await.expect_problem(401, "invalid_refresh_token");
    }
    app.login("ada@example.com", PASSWORD).await.expect_problem(401, "invalid_credentials");
    let second = app.registered("ada@example.com").await;
    assert_ne!(second.str("/user/id"), first.str("/user/id"), "the account is a new one");
    app.finish().await;
}
