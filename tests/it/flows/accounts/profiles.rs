//! Account types: their roles, the schemas of their profiles, and custom types.

use std::fs;

use reqwest::Method;
use serde_json::{Value, json};
use watchword::app::{App, Environment};
use watchword::config::AccountTypeSettings;

use crate::support::app::{PASSWORD, TestApp};
use crate::support::database::Backend;
use crate::support::flow_tests;
use crate::support::http::Answer;
use crate::support::run_dir::scratch;

flow_tests! {
    a_profile_must_match_the_schema_of_its_account_type,
    a_changed_schema_keeps_stored_profiles_readable,
}

fn account(email: &str, account_type: &str, profile: &Value) -> Value {
    json!({"email": email, "password": PASSWORD, "accountType": account_type, "profile": profile})
}

fn errors(answer: &Answer) -> Vec<(String, String)> {
    let errors = answer.json["errors"].as_array().expect("errors");
    let mut errors: Vec<_> = errors
        .iter()
        .map(|error| ["pointer", "code"].map(|field| error[field].as_str().expect("text").to_owned()))
        .map(|[pointer, code]| (pointer.strip_prefix('#').expect("a fragment").to_owned(), code))
        .collect();
    errors.sort();
    errors
}

async fn a_profile_must_match_the_schema_of_its_account_type(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let profile = json!({"firstName": "Ada", "lastName": "Lovelace", "gender": "female", "country": "UK", "age": 36});
    let ada = app
        .post("/auth/register", &account("ada@example.com", "user", &profile))
        .await
        .expect_status(201);
    assert_eq!(ada.json["user"]["profile"], profile);
    let access = ada.tokens().access;
    assert_eq!(app.me(&access).await.json["profile"], profile);
    let artist = json!({"author": "Ada", "producer": "Charles", "country": "UK", "description": "engines"});
    let artist_account = app
        .post("/auth/register", &account("artist@example.com", "artist", &artist))
        .await
        .expect_status(201);
    assert_eq!(artist_account.json["user"]["roles"], json!(["user", "artist"]));

    assert_invalid_profiles(&app).await;

    // A patch is merged. Only the result must match the schema.
    let change = |body: Value| {
        let (app, access) = (&app, access.clone());
        async move { app.send_as(&access, Method::PATCH, "/auth/me", &body).await }
    };
    let changed = change(json!({"profile": {"age": 37, "gender": null}})).await.expect_status(200);
    let merged = json!({"firstName": "Ada", "lastName": "Lovelace", "country": "UK", "age": 37});
    assert_eq!(changed.json["profile"], merged);
    let refused = change(json!({"profile": {"age": 151}})).await.expect_problem(422, "validation_failed");
    assert_eq!(errors(&refused), [("/profile/age".to_owned(), "maximum".to_owned())]);
    assert_eq!(app.me(&access).await.json["profile"], merged, "the refused change has no effect");
    let cleared = change(json!({"profile": null})).await.expect_status(200);
    assert_eq!(cleared.json["profile"], json!({}));
    change(json!({"profile": {}})).await.expect_status(200);
    assert_eq!(app.event_names().await, ["registered", "registered", "updated", "updated"]);
    let updated = &app.events().await[2].payload["data"];
    assert_eq!(updated["changedFields"], json!(["profile"]));
    assert_eq!(updated["profile"], merged, "the whole profile, not the patch");
    assert_eq!(app.events().await[3].payload["data"]["profile"], json!({}));
    app.finish().await;
}

/// Asserts the errors for profiles that do not match the schema.
async fn assert_invalid_profiles(app: &TestApp) {
    let canary = "PROFILE-CANARY";
    for (account_type, profile, expected) in [
        ("user", json!({"age": "36"}), vec![("/profile/age", "type")]),
        (
            "user",
            json!({"age": 0, "firstName": ""}),
            vec![("/profile/age", "minimum"), ("/profile/firstName", "min_length")],
        ),
        ("user", json!({"age": 36.5}), vec![("/profile/age", "type")]),
        ("user", json!({"birthDate": canary}), vec![("/profile/birthDate", "format")]),
        ("user", json!({(canary): canary}), vec![("/profile", "additional_properties")]),
        ("artist", json!({"firstName": canary}), vec![("/profile", "additional_properties")]),
        ("robot", json!({}), vec![("/accountType", "unknown_account_type")]),
        ("User", json!({}), vec![("/accountType", "unknown_account_type")]),
        ("user", json!({"description": "x".repeat(5000)}), vec![("/profile", "too_large")]),
    ] {
        let answer = app.post("/auth/register", &account("eve@example.com", account_type, &profile)).await;
        let answer = answer.expect_problem(422, "validation_failed");
        let expected: Vec<_> = expected.into_iter().map(|(at, code)| (at.to_owned(), code.to_owned())).collect();
        assert_eq!(errors(&answer), expected, "{profile}");
        assert!(!answer.text.contains(canary), "the response repeats the input: {}", answer.text);
    }
}

fn account_type(name: &str, roles: &[&str]) -> AccountTypeSettings {
    AccountTypeSettings {
        name: name.to_owned(),
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
    }
}

async fn a_changed_schema_keeps_stored_profiles_readable(backend: Backend) {
    let folder = scratch("profiles");
    let write = |name: &str, schema: &Value| fs::write(folder.join(name), schema.to_string()).expect("write a schema");
    write("user.json", &json!({"type": "object"}));
    let dir = folder.clone();
    let mut app = TestApp::builder(backend)
        .settings(move |settings| {
            settings.accounts.types = vec![
                account_type("user", &["user"]),
                account_type("label", &["user", "publisher"]),
            ];
            settings.accounts.profile_dir = Some(dir);
        })
        .spawn()
        .await;
    let profile = json!({"shoe": 42, "nested": {"colour": "red"}});
    let ada = app
        .post("/auth/register", &account("ada@example.com", "user", &profile))
        .await
        .expect_status(201);
    let label = app
        .post("/auth/register", &account("label@example.com", "label", &profile))
        .await
        .expect_status(201);
    assert_eq!(label.json["user"]["roles"], json!(["user", "publisher"]), "a custom account type");

    write(
        "user.json",
        &json!({"type": "object", "required": ["hat"], "properties": {"shoe": {"type": "string"}}}),
    );
    app.restart(watchword::domain::clock::SystemClock).await;
    let access = app.login("ada@example.com", PASSWORD).await.expect_status(200).tokens().access;
    assert_eq!(app.me(&access).await.json["profile"], profile, "a stored profile is not validated");
    let rename = app.send_as(&access, Method::PATCH, "/auth/me", &json!({"name": "Ada"})).await;
    assert_eq!(
        rename.expect_status(200).json["profile"],
        profile,
        "an unchanged profile is not validated"
    );
    let written = app.send_as(&access, Method::PATCH, "/auth/me", &json!({"profile": {"hat": 1}})).await;
    let written = written.expect_problem(422, "validation_failed");
    assert_eq!(errors(&written), [("/profile/shoe".to_owned(), "type".to_owned())]);
    let whole = json!({"profile": {"hat": 1, "shoe": "42"}});
    app.send_as(&access, Method::PATCH, "/auth/me", &whole).await.expect_status(200);
    let _ = ada;
    app.finish().await;
}

/// The start fails, and the error names the file.
#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_schema_is_named_at_the_start() {
    let app = TestApp::spawn(Backend::Sqlite).await;
    for (name, text, expected) in [
        ("user.json", "{", "user.json is not JSON"),
        ("artist.json", r#"{"type": "objekt"}"#, "artist.json is not a usable JSON Schema"),
        (
            "user.json",
            r#"{"$ref": "https://example.com/elsewhere.json"}"#,
            "user.json is not a usable JSON Schema",
        ),
        ("user.json", r#"{"$ref": "file:///etc/passwd"}"#, "user.json is not a usable JSON Schema"),
        ("robot.json", "{}", "robot.json matches no account type"),
    ] {
        let folder = scratch("profiles");
        fs::write(folder.join(name), text).expect("write a schema");
        let mut settings = app.settings().clone();
        settings.data_dir = scratch("app");
        settings.accounts.profile_dir = Some(folder);
        let Err(refused) = App::build_with(settings, Environment::default()).await else {
            panic!("{name}: {text} was accepted")
        };
        let message = refused.to_string();
        assert!(message.contains(expected), "{text}: {message}");
    }
    app.finish().await;
}
