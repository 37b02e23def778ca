//! The fields that the predecessors' events had, and that their subscribers read, under the same
//! names.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::support::app::{PASSWORD, TestApp};
use crate::support::database::Backend;
use crate::support::flow_tests;
use crate::support::nats::StreamMessage;

flow_tests! {
    the_events_of_the_predecessors_keep_their_fields,
}

const AGENT: &str = "predecessor/1.0";

/// Each event that a predecessor had, with its optional fields.
const EVENTS: [(&str, &[&str]); 10] = [
    ("registered", &["email", "name", "ip", "userAgent"]),
    ("logged_in", &["email", "ip", "userAgent"]),
    ("token_refreshed", &[]),
    ("login_failed", &["ip", "userAgent"]),
    ("updated", &["name"]),
    ("email_changed", &["email"]),
    ("role_granted", &[]),
    ("password_changed", &[]),
    ("logged_out", &[]),
    ("deleted", &[]),
];

/// Assert what every event has, and these fields of `data`.
#[track_caller]
fn assert_event(event: &StreamMessage, user: &str, fields: &[&str], email: &str) {
    let body = &event.payload;
    assert_eq!(body["subject"], json!(event.subject), "the subject that it is published on");
    let data = &body["data"];
    assert_eq!(data["userId"], json!(user), "{body}");
    let timestamp = data["timestamp"].as_str().expect("a time");
    assert!(OffsetDateTime::parse(timestamp, &Rfc3339).is_ok(), "{timestamp}");
    for (field, value) in [
        ("service", "watchword"),
        ("version", env!("CARGO_PKG_VERSION")),
        ("environment", "development"),
    ] {
        assert_eq!(body["metadata"][field], value, "{body}");
    }
    for field in fields {
        let expected = match *field {
            "email" => email,
            "name" => "Ada Lovelace",
            "ip" => "127.0.0.1",
            _ => AGENT,
        };
        assert_eq!(data[*field], expected, "{field} of {body}");
    }
}

async fn the_events_of_the_predecessors_keep_their_fields(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let admin = app.admin().await;
    let start = app.events().await.len();
    let send = async |request: RequestBuilder| app.send(request.header("user-agent", AGENT)).await;
    let post = |path: &str, body: Value| app.request(Method::POST, path).json(&body);

    let body = json!({ "email": "ada@example.com", "password": PASSWORD, "name": "Ada Lovelace" });
    let registered = send(post("/auth/register", body)).await.expect_status(201);
    let user = registered.str("/user/id");
    let login = |password: &str| post("/auth/login", json!({ "email": "ada@example.com", "password": password }));
    let tokens = send(login(PASSWORD)).await.expect_status(200).tokens();
    let refresh = json!({ "refreshToken": tokens.refresh });
    let tokens = send(post("/auth/refresh", refresh)).await.expect_status(200).tokens();
    send(login("not the password")).await.expect_status(401);
    let own = |method: Method, path: &str| app.request(method, path).bearer_auth(&tokens.access);
    let name = json!({ "name": "Ada King" });
    send(own(Method::PATCH, "/auth/me").json(&name)).await.expect_status(200);
    let name = json!({ "name": "Ada Lovelace" });
    send(own(Method::PATCH, "/auth/me").json(&name)).await.expect_status(200);
    let path = format!("/users/{user}");
    let by_admin = |method: Method, path: &str| app.request(method, path).bearer_auth(&admin.access);
    let email = json!({ "email": "lovelace@example.com" });
    send(by_admin(Method::PATCH, &path).json(&email)).await.expect_status(200);
    send(by_admin(Method::PUT, &format!("{path}/roles/artist"))).await.expect_status(200);
    let change = json!({ "currentPassword": PASSWORD, "newPassword": "quiet harbour 52" });
    send(own(Method::POST, "/auth/password/change").json(&change)).await.expect_status(204);
    let login = json!({ "email": "lovelace@example.com", "password": "quiet harbour 52" });
    let tokens = send(post("/auth/login", login)).await.expect_status(200).tokens();
    app.logout(&tokens.access, "local").await.expect_status(204);
    send(by_admin(Method::DELETE, &path)).await.expect_status(204);

    let events = app.events().await.split_off(start);
    for (name, fields) in EVENTS {
        let subject = format!("auth.user.{name}");
        let mut found = events.iter().filter(|event| event.subject == subject);
        // The second of two updates sets the name again.
        let event = if name == "updated" {
            found.next_back()
        } else {
            found.next()
        };
        let event = event.unwrap_or_else(|| panic!("no {subject}"));
        let email = if name == "email_changed" {
            "lovelace@example.com"
        } else {
            "ada@example.com"
        };
        assert_event(event, user, fields, email);
    }
    app.finish().await;
}
