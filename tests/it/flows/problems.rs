//! What the service refuses, and that every refusal is a problem document that repeats nothing of the input.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::database::Backend;
use crate::support::flow_tests;
use crate::support::http::Answer;

flow_tests! {
    malformed_requests_are_refused => refusals_on,
    bodies_are_limited => limits_on,
    errors_name_every_field => fields_on,
    control_characters_are_refused_everywhere => control_characters_on,
}

/// In every body below; no answer may contain it.
const CANARY: &str = "Canary-7f3a!9";

/// One raw request.
struct Case {
    name: &'static str,
    method: Method,
    path: &'static str,
    headers: &'static [(&'static str, &'static str)],
    body: String,
    status: u16,
    code: &'static str,
}

const JSON: &[(&str, &str)] = &[("content-type", "application/json")];

/// A POST of JSON.
fn post(name: &'static str, path: &'static str, body: &str, status: u16, code: &'static str) -> Case {
    let body = body.replace("CANARY", CANARY);
    Case {
        name,
        method: Method::POST,
        path,
        headers: JSON,
        body,
        status,
        code,
    }
}

/// A request without a body.
fn bare(
    name: &'static str,
    method: Method,
    path: &'static str,
    headers: &'static [(&'static str, &'static str)],
    status: u16,
    code: &'static str,
) -> Case {
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

fn body_cases() -> Vec<Case> {
    let (register, login) = ("/auth/register", "/auth/login");
    vec![
        post("not JSON", login, "CANARY", 400, "invalid_json"),
        post("empty", login, "", 400, "invalid_json"),
        post("cut off", login, r#"{"identifier": "CANARY"#, 400, "invalid_json"),
        post(
            "text after the value",
            login,
            r#"{"identifier": "a", "password": "CANARY"} x"#,
            400,
            "invalid_json",
        ),
        post(
            "duplicate key",
            login,
            r#"{"identifier": "a", "password": "x", "password": "CANARY"}"#,
            400,
            "invalid_json",
        ),
        post(
            "duplicate key written otherwise",
            login,
            r#"{"identifier": "a", "password": "x", "p\u0061ssword": "CANARY"}"#,
            400,
            "invalid_json",
        ),
        post(
            "lone surrogate",
            login,
            r#"{"identifier": "\ud800", "password": "CANARY"}"#,
            400,
            "invalid_json",
        ),
        post("array", login, r#"["CANARY"]"#, 422, "validation_failed"),
        post("text", login, r#""CANARY""#, 422, "validation_failed"),
        post("null", login, "null", 422, "validation_failed"),
        post(
            "number for text",
            login,
            r#"{"identifier": "a", "password": 12345678901234567890}"#,
            422,
            "validation_failed",
        ),
        post(
            "boolean for text",
            login,
            r#"{"identifier": true, "password": "CANARY"}"#,
            422,
            "validation_failed",
        ),
        post(
            "object for text",
            login,
            r#"{"identifier": "a", "password": {"p": "CANARY"}}"#,
            422,
            "validation_failed",
        ),
        post(
            "null for text",
            login,
            r#"{"identifier": "a", "password": null}"#,
            422,
            "validation_failed",
        ),
        post(
            "unknown field",
            register,
            r#"{"email": "a@example.com", "password": "CANARY-long-enough", "isAdmin": true}"#,
            422,
            "validation_failed",
        ),
        post(
            "field of the server",
            register,
            r#"{"email": "a@example.com", "password": "CANARY-long-enough", "roles": ["admin"]}"#,
            422,
            "validation_failed",
        ),
        post(
            "no address",
            register,
            r#"{"email": "CANARY", "password": "CANARY-long-enough"}"#,
            422,
            "validation_failed",
        ),
        post(
            "missing field",
            login,
            r#"{"identifier": "CANARY"}"#,
            422,
            "validation_failed",
        ),
        post(
            "unknown scope",
            "/auth/logout",
            r#"{"refreshToken": "x", "scope": "CANARY"}"#,
            422,
            "validation_failed",
        ),
        post(
            "forged refresh token",
            "/auth/refresh",
            r#"{"refreshToken": "CANARY"}"#,
            401,
            "invalid_refresh_token",
        ),
    ]
}

fn request_cases() -> Vec<Case> {
    const TEXT: &[(&str, &str)] = &[("content-type", "text/plain")];
    const ENCODED: &[(&str, &str)] = &[("content-type", "application/json"), ("content-encoding", "gzip")];
    let me = "/auth/me";
    let mut cases = vec![
        bare(
            "unknown path",
            Method::GET,
            "/nothing/Canary-7f3a!9",
            &[],
            404,
            "not_found",
        ),
        bare(
            "unknown path below a known one",
            Method::GET,
            "/auth/me/Canary-7f3a!9",
            &[],
            404,
            "not_found",
        ),
        bare(
            "wrong method",
            Method::DELETE,
            "/auth/login",
            &[],
            405,
            "method_not_allowed",
        ),
        bare("TRACE", Method::TRACE, "/auth/login", &[], 405, "method_not_allowed"),
        bare("no token", Method::GET, me, &[], 401, "authentication_required"),
        bare(
            "no JWT",
            Method::GET,
            me,
            &[("authorization", "Bearer Canary-7f3a")],
            401,
            "invalid_token",
        ),
        bare(
            "other scheme",
            Method::GET,
            me,
            &[("authorization", "Basic Canary-7f3a")],
            401,
            "invalid_token",
        ),
        bare(
            "scheme alone",
            Method::GET,
            me,
            &[("authorization", "Bearer")],
            401,
            "invalid_token",
        ),
        bare(
            "unsigned token",
            Method::GET,
            me,
            &[(
                "authorization",
                "Bearer eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.eyJzdWIiOiJhIn0.",
            )],
            401,
            "invalid_token",
        ),
        bare(
            "list without a token",
            Method::GET,
            "/auth/sessions",
            &[],
            401,
            "authentication_required",
        ),
    ];
    let body = format!(r#"{{"identifier": "a", "password": "{CANARY}"}}"#);
    for (name, headers) in [("no media type", &[][..]), ("text", TEXT), ("compressed", ENCODED)] {
        let (path, code) = ("/auth/login", "unsupported_media_type");
        cases.push(Case {
            name,
            method: Method::POST,
            path,
            headers,
            body: body.clone(),
            status: 415,
            code,
        });
    }
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

async fn refusals_on(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let mut wrong = Vec::new();
    for case in body_cases().iter().chain(&request_cases()) {
        let answer = send(&app, case).await;
        let found = (
            answer.status.as_u16(),
            answer.json.get("code").and_then(Value::as_str).unwrap_or("no code"),
        );
        if found != (case.status, case.code) {
            wrong.push(format!(
                "{}: {found:?}, not {:?}: {}",
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
            wrong.push(format!("{}: a 405 says what is allowed", case.name));
        }
        answer.expect_problem(case.status, case.code);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(app.ledger().await.len(), 0, "nothing happened");
    app.finish().await;
}

async fn limits_on(backend: Backend) {
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
    login(of_size(16 * 1024 + 1))
        .await
        .expect_problem(413, "payload_too_large");
    login(of_size(1024 * 1024))
        .await
        .expect_problem(413, "payload_too_large");
    let largest = login(of_size(16 * 1024)).await;
    assert!(
        [401, 422].contains(&largest.status.as_u16()),
        "16 KiB is not too large: {}",
        largest.text
    );

    let nested = |depth: usize| format!(r#"{{"identifier": {}{}}}"#, "[".repeat(depth), "]".repeat(depth));
    login(nested(31)).await.expect_problem(422, "validation_failed");
    login(nested(32)).await.expect_problem(400, "invalid_json");
    login(nested(4000)).await.expect_problem(400, "invalid_json");
    app.finish().await;
}

async fn fields_on(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let body = json!({"email": "nobody", "password": "short", "username": "a", "name": 7, "color": "red"});
    let answer = app
        .post("/auth/register", &body)
        .await
        .expect_problem(422, "validation_failed");
    let errors = answer.json["errors"].as_array().cloned().unwrap_or_default();
    assert!(!errors.is_empty(), "{}", answer.text);
    for error in &errors {
        assert!(
            ["pointer", "code", "detail"]
                .iter()
                .all(|field| error[field].is_string()),
            "{error}"
        );
    }
    // What has the wrong shape is reported first; what has the wrong value, once the shape is right.
    let pointers: Vec<_> = errors.iter().filter_map(|error| error["pointer"].as_str()).collect();
    assert!(
        pointers.contains(&"/name") && pointers.contains(&"/color"),
        "{pointers:?}"
    );

    let body = json!({"email": "nobody", "password": "short", "username": "a"});
    let answer = app
        .post("/auth/register", &body)
        .await
        .expect_problem(422, "validation_failed");
    let errors = answer.json["errors"].as_array().cloned().unwrap_or_default();
    let pointers: Vec<_> = errors.iter().filter_map(|error| error["pointer"].as_str()).collect();
    assert!(
        pointers.contains(&"/email") && pointers.contains(&"/username"),
        "{pointers:?}"
    );
    app.finish().await;
}

/// NUL and its kin reach neither the database nor the log: always a 4xx, never a 5xx.
async fn control_characters_on(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let access = app.registered("ada@example.com").await.tokens().access;
    let good = [
        (
            "/auth/register",
            json!({"email": "a@example.com", "password": CANARY, "username": "abc", "name": "A"}),
        ),
        (
            "/auth/login",
            json!({"identifier": "a@example.com", "password": CANARY}),
        ),
        ("/auth/refresh", json!({"refreshToken": "wrt_x"})),
        ("/auth/logout", json!({"refreshToken": "wrt_x", "scope": "local"})),
    ];
    for bad in ["\0", "\u{1b}[31m", "\r\nSet-Cookie: a", "\u{7f}", "\u{85}"] {
        for (path, body) in &good {
            for field in body.as_object().into_iter().flat_map(serde_json::Map::keys) {
                let mut body = body.clone();
                let value = body[field].as_str().unwrap_or_default().to_owned();
                body[field] = json!(format!("{value}{bad}"));
                let answer = app.post(path, &body).await;
                let status = answer.status.as_u16();
                assert!(
                    (400..500).contains(&status),
                    "{path} {field} {bad:?}: {status} {}",
                    answer.text
                );
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
