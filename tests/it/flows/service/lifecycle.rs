//! The life of an account from registration to deletion, and all its events in the stream.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::flows::events::golden::assert_golden;
use crate::support::app::{PASSWORD, TestApp};
use crate::support::database::Backend;
use crate::support::flow_tests;
use crate::support::http::Answer;
use crate::support::nats::StreamMessage;

flow_tests! {
    the_events_of_an_accounts_life_match_their_golden_files,
    the_specification_lists_every_route_and_the_docs_work_offline,
}

/// A client with fixed request metadata, which the events contain.
struct Client<'a>(&'a TestApp);

impl Client<'_> {
    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.0
            .request(method, path)
            .header("user-agent", "golden/1.0")
            .header("x-request-id", "golden-request")
            .header("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
    }

    async fn send(&self, method: Method, path: &str, access: Option<&str>, body: Option<Value>) -> Answer {
        let mut request = self.request(method, path);
        if let Some(access) = access {
            request = request.bearer_auth(access);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = self.0.send(request).await;
        assert_eq!(answer.header("x-request-id"), Some("golden-request"), "{}", answer.text);
        answer
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, None, Some(body)).await
    }

    async fn login(&self) -> Answer {
        self.post("/auth/login", json!({"identifier": "ADA_L", "password": PASSWORD}))
            .await
            .expect_status(200)
    }

    async fn refresh(&self, token: &str) -> Answer {
        self.post("/auth/refresh", json!({"refreshToken": token})).await
    }
}

/// The comments number the events by `userSeq`.
async fn the_events_of_an_accounts_life_match_their_golden_files(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let client = Client(&app);

    // 1 registered
    let body = json!({"email": "Ada@Example.com", "password": PASSWORD, "username": "ada_l", "name": "Ada Lovelace"});
    let registered = client.post("/auth/register", body).await.expect_status(201);
    assert_token_response(&registered);
    // 2 login_failed
    let wrong = json!({"email": "ada@example.com", "password": "not the password"});
    client.post("/auth/login", wrong).await.expect_problem(401, "invalid_credentials");
    // 3 logged_in, 4 token_refreshed
    let login = client.login().await;
    assert_token_response(&login);
    let refreshed = client.refresh(&login.tokens().refresh).await.expect_status(200);
    assert_token_response(&refreshed);
    let access = refreshed.tokens().access;
    let me = client.send(Method::GET, "/auth/me", Some(&access), None).await.expect_status(200);
    assert_eq!(me.json, refreshed.json["user"], "`/auth/me` and the token response differ");
    // 5 updated
    let change = json!({"name": "Ada King"});
    let me = client
        .send(Method::PATCH, "/auth/me", Some(&access), Some(change))
        .await
        .expect_status(200);
    assert_eq!(me.str("/name"), "Ada King");
    // 6 session_revoked: the session of the registration
    let path = format!("/auth/sessions/{}", registered.tokens().session());
    client.send(Method::DELETE, &path, Some(&access), None).await.expect_status(204);
    // 7 logged_out
    let scope = Some(json!({"scope": "local"}));
    client.send(Method::POST, "/auth/logout", Some(&access), scope).await.expect_status(204);
    app.me(&access).await.expect_problem(401, "invalid_token");
    // 8 logged_in, 9 token_refreshed, 10 token_refreshed, 11 token_reuse_detected
    let login = client.login().await.tokens();
    let second = client.refresh(&login.refresh).await.expect_status(200).tokens();
    client.refresh(&second.refresh).await.expect_status(200);
    client.refresh(&login.refresh).await.expect_problem(401, "invalid_refresh_token");
    // 12 logged_in, 13 reauthentication_failed, 14 deleted
    let access = client.login().await.tokens().access;
    let wrong = Some(json!({"password": "not the password"}));
    let refused = client.send(Method::POST, "/auth/me/delete", Some(&access), wrong).await;
    refused.expect_problem(422, "validation_failed");
    let password = Some(json!({"password": PASSWORD}));
    client
        .send(Method::POST, "/auth/me/delete", Some(&access), password)
        .await
        .expect_status(204);
    app.me(&access).await.expect_problem(401, "invalid_token");

    compare_events(&app).await;
    app.finish().await;
}

/// The events of [`the_events_of_an_accounts_life_match_their_golden_files`].
const EVENTS: [&str; 14] = [
    "registered",
    "login_failed",
    "logged_in",
    "token_refreshed",
    "updated",
    "session_revoked",
    "logged_out",
    "logged_in",
    "token_refreshed",
    "token_refreshed",
    "token_reuse_detected",
    "logged_in",
    "reauthentication_failed",
    "deleted",
];

/// Assert that the stream holds [`EVENTS`]. Compare the first event of each kind with its golden
/// file.
async fn compare_events(app: &TestApp) {
    let events = app.events().await;
    let name = |event: &StreamMessage| event.subject.trim_start_matches("auth.user.").to_owned();
    let names: Vec<String> = events.iter().map(name).collect();
    assert_eq!(names, EVENTS);
    let mut compared = Vec::new();
    for (name, event) in names.iter().zip(&events) {
        let id = event.header("Nats-Msg-Id").expect("an id");
        let start = format!("{{\"id\":\"{id}\",\"subject\":\"{}\",", event.subject);
        assert!(event.bytes.starts_with(start.as_bytes()), "id and subject come first");
        if !compared.contains(name) {
            assert_golden(name, event);
            compared.push(name.clone());
        }
    }
}

/// Assert the response of register, login and refresh.
fn assert_token_response(answer: &Answer) {
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.str("/tokenType"), "Bearer");
    assert_eq!(answer.json["expiresIn"], json!(900));
    assert!(
        answer.json["refreshExpiresIn"]
            .as_u64()
            .is_some_and(|seconds| (1..=604_800).contains(&seconds))
    );
    assert!(answer.str("/refreshToken").starts_with("wrt_"));
    assert_eq!(answer.str("/user/email"), "Ada@Example.com");
    assert_eq!(answer.str("/user/username"), "ada_l");
    assert_eq!(answer.json["user"]["roles"], json!(["user"]));
    assert_eq!(answer.json["user"]["emailVerified"], json!(false));
    assert_eq!(answer.str("/user/status"), "active");
    let claims = answer.tokens().claims();
    assert_eq!(claims["sub"], answer.json["user"]["id"]);
    assert_eq!(claims["exp"].as_u64().zip(claims["iat"].as_u64()).map(|(exp, iat)| exp - iat), Some(900));
}

async fn the_specification_lists_every_route_and_the_docs_work_offline(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let specification = app.get("/openapi.json").await.expect_status(200).json;
    let routes = [
        ("post", "/auth/register"),
        ("post", "/auth/login"),
        ("post", "/auth/refresh"),
        ("post", "/auth/logout"),
        ("get", "/auth/me"),
        ("patch", "/auth/me"),
        ("post", "/auth/me/delete"),
        ("get", "/auth/sessions"),
        ("delete", "/auth/sessions"),
        ("delete", "/auth/sessions/{id}"),
        ("get", "/auth/me/activity"),
        ("post", "/events"),
        ("get", "/events"),
        ("get", "/events/recent"),
        ("get", "/events/{id}"),
        ("get", "/events/stream"),
        ("get", "/analytics/top-events"),
        ("get", "/analytics/users/{id}"),
        ("get", "/analytics/timeline"),
        ("get", "/.well-known/jwks.json"),
        ("get", "/healthz"),
        ("get", "/readyz"),
    ];
    for (method, path) in routes {
        let operation = &specification["paths"][path][method];
        assert!(
            operation["operationId"].is_string() && operation["summary"].is_string(),
            "{method} {path}: {operation}"
        );
    }
    let docs = app.get("/docs").await.expect_status(200).text;
    let remote = ["src=\"http", "src='http", "href=\"http", "@import"]
        .iter()
        .find(|mark| docs.contains(**mark));
    assert_eq!(remote, None, "Swagger UI loads remote files");
    app.get("/healthz").await.expect_status(200);
    app.finish().await;
}
