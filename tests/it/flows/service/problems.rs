//! Malformed requests: each response is a problem document that repeats nothing of the input.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::database::Backend;
use crate::support::flow_tests;
use crate::support::http::Answer;

flow_tests! {
    malformed_requests_are_refused,
    a_large_body_is_refused,
    a_validation_error_names_every_field,
    control_characters_are_refused_in_every_field,
}

/// A text in the requests below, which no response may contain.
const CANARY: &str = "Canary-7f3a!9";

type Headers = &'static [(&'static str, &'static str)];

/// A raw request, and the expected error.
struct Case {
    name: &'static str,
    method: Method,
    path: &'static str,
    headers: Headers,
    body: String,
    status: u16,
    code: &'static str,
}

/// Bodies that are not JSON: 400 `invalid_json`.
const INVALID_JSON: &[(&str, &str)] = &[
    ("not JSON", "CANARY"),
    ("empty", ""),
    ("cut off", r#"{"identifier": "CANARY"#),
    ("text after the value", r#"{"identifier": "a", "password": "CANARY"} x"#),
    ("duplicate key", r#"{"identifier": "a", "password": "x", "password": "CANARY"}"#),
    (
        "duplicate key in disguise",
        r#"{"identifier": "a", "password": "x", "p\u0061ssword": "CANARY"}"#,
    ),
    ("lone surrogate", r#"{"identifier": "\ud800", "password": "CANARY"}"#),
];

/// Invalid bodies of POST /auth/login: 422 `validation_failed`.
const INVALID_LOGINS: &[(&str, &str)] = &[
    ("array", r#"["CANARY"]"#),
    ("text", r#""CANARY""#),
    ("null", "null"),
    ("number for text", r#"{"identifier": "a", "password": 12345678901234567890}"#),
    ("boolean for text", r#"{"identifier": true, "password": "CANARY"}"#),
    ("object for text", r#"{"identifier": "a", "password": {"p": "CANARY"}}"#),
    ("null for text", r#"{"identifier": "a", "password": null}"#),
    ("missing field", r#"{"identifier": "CANARY"}"#),
];

/// Invalid bodies of POST /auth/register: 422 `validation_failed`.
const INVALID_REGISTRATIONS: &[(&str, &str)] = &[
    (
        "unknown field",
        r#"{"email": "a@example.com", "password": "CANARY-long-enough", "isAdmin": true}"#,
    ),
    (
        "field of the server",
        r#"{"email": "a@example.com", "password": "CANARY-long-enough", "roles": ["admin"]}"#,
    ),
    ("no address", r#"{"email": "CANARY", "password": "CANARY-long-enough"}"#),
];

/// `Authorization` headers without a valid access token: 401 `invalid_token`.
const INVALID_ACCESS_TOKENS: &[(&str, Headers)] = &[
    ("no JWT", &[("authorization", "Bearer Canary-7f3a")]),
    ("other scheme", &[("authorization", "Basic Canary-7f3a")]),
    ("scheme alone", &[("authorization", "Bearer")]),
    (
        "unsigned",
        &[("authorization", "Bearer eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.eyJzdWIiOiJhIn0.")],
    ),
];

/// Headers of a body with another media type: 415 `unsupported_media_type`.
const UNSUPPORTED_MEDIA_TYPES: &[(&str, Headers)] = &[
    ("no media type", &[]),
    ("text", &[("content-type", "text/plain")]),
    ("compressed", &[("content-type", "application/json"), ("content-encoding", "gzip")]),
];

/// A case that posts JSON.
fn post(name: &'static str, path: &'static str, body: &str, expected: (u16, &'static str)) -> Case {
    let (status, code) = expected;
    let headers = &[("content-type", "application/json")];
    Case {
        name,
        method: Method::POST,
        path,
        headers,
        body: body.replace("CANARY", CANARY),
        status,
        code,
    }
}

/// A case without a body.
fn without_body(
    name: &'static str,
    method: Method,
    path: &'static str,
    headers: Headers,
    expected: (u16, &'static str),
) -> Case {
    let (status, code) = expected;
    Case {
        name,
        method,
        path,
        headers,
        body: String::new(),
        status,
        code,
    }
}

fn cases() -> Vec<Case> {
    let (login, register) = ("/auth/login", "/auth/register");
    let (invalid_json, validation_failed) = ((400, "invalid_json"), (422, "validation_failed"));
    let (unauthenticated, not_found) = ((401, "authentication_required"), (404, "not_found"));
    let mut cases = vec![
        post(
            "unknown scope",
            "/auth/logout",
            r#"{"refreshToken": "x", "scope": "CANARY"}"#,
            validation_failed,
        ),
        post("forged", "/auth/refresh", r#"{"refreshToken": "CANARY"}"#, (401, "invalid_refresh_token")),
        without_body("unknown path", Method::GET, "/nothing/Canary-7f3a!9", &[], not_found),
        without_body("unknown path below", Method::GET, "/auth/me/Canary-7f3a!9", &[], not_found),
        without_body("wrong method", Method::DELETE, login, &[], (405, "method_not_allowed")),
        without_body("TRACE", Method::TRACE, login, &[], (405, "method_not_allowed")),
        without_body("me without a token", Method::GET, "/auth/me", &[], unauthenticated),
        without_body("list without a token", Method::GET, "/auth/sessions", &[], unauthenticated),
    ];
    cases.extend(INVALID_JSON.iter().map(|(name, body)| post(name, login, body, invalid_json)));
    cases.extend(INVALID_LOGINS.iter().map(|(name, body)| post(name, login, body, validation_failed)));
    cases.extend(
        INVALID_REGISTRATIONS
            .iter()
            .map(|(name, body)| post(name, register, body, validation_failed)),
    );
    let me = |headers| without_body("bad token", Method::GET, "/auth/me", headers, (401, "invalid_token"));
    cases.extend(INVALID_ACCESS_TOKENS.iter().map(|(name, headers)| Case { name, ..me(headers) }));
    let login = || {
        post(
            "media type",
            login,
            r#"{"identifier": "a", "password": "CANARY"}"#,
            (415, "unsupported_media_type"),
        )
    };
    cases.extend(UNSUPPORTED_MEDIA_TYPES.iter().map(|(name, headers)| Case { name, headers, ..login() }));
    cases
}

async fn send(app: &TestApp, case: &Case) -> Answer {
    let mut request = app.request(case.method.clone(), case.path);
    for (name, value) in case.headers {
        request = request.header(*name, *value);
    }
    if !case.body.is_empty() || case.method == Method::POST {
        request = request.body(case.body.clone());
    }
    app.send(request).await
}

async fn malformed_requests_are_refused(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let mut wrong = Vec::new();
    for case in &cases() {
        let answer = send(&app, case).await;
        let found = (
            answer.status.as_u16(),
            answer.json.get("code").and_then(Value::as_str).unwrap_or("no code"),
        );
        if found != (case.status, case.code) {
            wrong.push(format!(
                "{}: {found:?}, expected {:?}: {}",
                case.name,
                (case.status, case.code),
                answer.text
            ));
            continue;
        }
        if answer.text.contains("Canary") || answer.text.contains("12345678901234567890") {
            wrong.push(format!("{}: repeats the input: {}", case.name, answer.text));
        }
        if case.status == 405 && answer.header("allow").is_none() {
            wrong.push(format!("{}: a 405 without an `Allow` header", case.name));
        }
        answer.expect_problem(case.status, case.code);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(app.ledger().await.len(), 0, "a malformed request recorded an event");
    app.finish().await;
}

async fn a_large_body_is_refused(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let of_size = |size: usize| {
        let start = r#"{"identifier": "a@example.com", "password": ""#;
        format!("{start}{}\"}}", "x".repeat(size - start.len() - 2))
    };
    let login = |body: String| {
        let request = app
            .request(Method::POST, "/auth/login")
            .header("content-type", "application/json")
            .body(body);
        app.send(request)
    };
    login(of_size(16 * 1024 + 1)).await.expect_problem(413, "payload_too_large");
    let refused = login(of_size(1024 * 1024)).await;
    assert_eq!(
        refused.header("connection"),
        Some("close"),
        "the connection stays open before the body was read"
    );
    refused.expect_problem(413, "payload_too_large");
    let largest = login(of_size(16 * 1024)).await;
    assert!([401, 422].contains(&largest.status.as_u16()), "16 KiB are refused: {}", largest.text);

    let nested = |depth: usize| format!(r#"{{"identifier": {}{}}}"#, "[".repeat(depth), "]".repeat(depth));
    login(nested(31)).await.expect_problem(422, "validation_failed");
    login(nested(32)).await.expect_problem(400, "invalid_json");
    login(nested(4000)).await.expect_problem(400, "invalid_json");
    app.finish().await;
}

async fn a_validation_error_names_every_field(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let body = json!({"email": "nobody", "password": "short", "username": "a", "name": 7, "color": "red"});
    let answer = app.post("/auth/register", &body).await.expect_problem(422, "validation_failed");
    let errors = answer.json["errors"].as_array().cloned().unwrap_or_default();
    assert!(!errors.is_empty(), "{}", answer.text);
    for error in &errors {
        assert!(["pointer", "code", "detail"].iter().all(|field| error[field].is_string()), "{error}");
    }
    // Errors of the structure are reported first, and errors of values only without those.
    let pointers: Vec<_> = errors.iter().filter_map(|error| error["pointer"].as_str()).collect();
    assert!(pointers.contains(&"#/name") && pointers.contains(&"#/color"), "{pointers:?}");

    let body = json!({"email": "nobody", "password": "short", "username": "a"});
    let answer = app.post("/auth/register", &body).await.expect_problem(422, "validation_failed");
    let errors = answer.json["errors"].as_array().cloned().unwrap_or_default();
    let pointers: Vec<_> = errors.iter().filter_map(|error| error["pointer"].as_str()).collect();
    assert!(pointers.contains(&"#/email") && pointers.contains(&"#/username"), "{pointers:?}");
    app.finish().await;
}

/// Control characters cause a 4xx, not a 5xx.
async fn control_characters_are_refused_in_every_field(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let access = app.registered("ada@example.com").await.tokens().access;
    let bodies = [
        (
            "/auth/register",
            json!({"email": "a@example.com", "password": CANARY, "username": "abc", "name": "A"}),
        ),
        ("/auth/login", json!({"identifier": "a@example.com", "password": CANARY})),
        ("/auth/refresh", json!({"refreshToken": "wrt_x"})),
        ("/auth/logout", json!({"refreshToken": "wrt_x", "scope": "local"})),
    ];
    for bad in ["\0", "\u{1b}[31m", "\r\nSet-Cookie: a", "\u{7f}", "\u{85}"] {
        for (path, body) in &bodies {
            for field in body.as_object().into_iter().flat_map(serde_json::Map::keys) {
                let mut body = body.clone();
                let value = body[field].as_str().unwrap_or_default().to_owned();
                body[field] = json!(format!("{value}{bad}"));
                let answer = app.post(path, &body).await;
                let status = answer.status.as_u16();
                assert!((400..500).contains(&status), "{path} {field} {bad:?}: {status} {}", answer.text);
            }
        }
        let change = json!({"name": format!("A{bad}")});
        app.send_as(&access, Method::PATCH, "/auth/me", &change)
            .await
            .expect_problem(422, "validation_failed");
    }
    for path in ["/auth/sessions/%00", "/auth/me%00", "/auth/sessions/%1b%5b31m"] {
        let answer = app.send_as(&access, Method::DELETE, path, &Value::Null).await;
        assert!((400..500).contains(&answer.status.as_u16()), "{path}: {}", answer.text);
    }
    app.finish().await;
}
