//! Pages of other origins (CORS).

use reqwest::{Method, RequestBuilder};
use serde_json::json;

use crate::support::app::{PASSWORD, TestApp};
use crate::support::binary::{BinaryOptions, run};
use crate::support::database::Backend;
use crate::support::flow_tests;
use crate::support::http::{Answer, Http};

flow_tests! {
    every_answer_can_be_read_by_a_listed_origin,
    preflight_requests_are_answered_first,
}

const APP: &str = "https://app.example.com";
const DEV: &str = "http://localhost:5173";
const OTHER: &str = "https://app.example.com.evil.example";

async fn app(backend: Backend) -> TestApp {
    let builder = TestApp::builder(backend).settings(|settings| {
        settings.http.cors.origins = vec![APP.to_owned(), DEV.to_owned()];
        settings.http.cors.credentials = true;
    });
    builder.spawn().await
}

fn allow(answer: &Answer) -> Option<&str> {
    answer.header("access-control-allow-origin")
}

fn varies_by_origin(answer: &Answer) -> bool {
    let values = answer.headers.get_all("vary").iter().filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(','))
        .any(|name| name.trim().eq_ignore_ascii_case("origin"))
}

/// One request for each status that a page may get.
async fn requests(app: &TestApp) -> Vec<(u16, RequestBuilder)> {
    let http = app.http();
    let access = app.registered("ada@example.com").await.tokens().access;
    let get = |path: &str| http.request(Method::GET, path);
    let post = |path: &str| http.request(Method::POST, path);
    vec![
        (200, get("/auth/me").bearer_auth(&access)),
        (200, http.request(Method::HEAD, "/auth/me").bearer_auth(&access)),
        (200, get("/.well-known/jwks.json")),
        (200, get("/openapi.json")),
        (200, get("/problems")),
        (400, post("/auth/login").header("content-type", "application/json").body("{")),
        (400, get("/users?limit=x").bearer_auth(&access)),
        (401, get("/auth/me")),
        (401, get("/auth/verify")),
        (401, get("/auth/verify/below").bearer_auth("no token")),
        (
            401,
            post("/oauth/introspect")
                .header("content-type", "application/x-www-form-urlencoded")
                .body("token=x"),
        ),
        (403, get("/users").bearer_auth(&access)),
        (404, get("/no/such/path")),
        (405, http.request(Method::DELETE, "/auth/login")),
        (405, http.request(Method::OPTIONS, "/auth/login")),
        (
            413,
            post("/auth/login").header("content-type", "application/json").body("x".repeat(20_000)),
        ),
        (415, post("/auth/login").header("content-type", "text/plain").body("{}")),
        (422, post("/auth/login").json(&json!({}))),
    ]
}

async fn every_answer_can_be_read_by_a_listed_origin(backend: Backend) {
    let app = app(backend).await;
    for origin in [APP, DEV] {
        for (status, request) in requests_of(&app, origin).await {
            let answer = app.send(request).await.expect_status(status);
            assert_eq!(allow(&answer), Some(origin), "{status} {}", answer.text);
            assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
            let exposed = answer.header("access-control-expose-headers").expect("exposed headers");
            for name in [
                "ETag",
                "Retry-After",
                "RateLimit",
                "RateLimit-Policy",
                "X-Request-Id",
                "Location",
            ] {
                assert!(exposed.split(", ").any(|known| known == name), "{name} in {exposed}");
            }
            assert!(varies_by_origin(&answer), "{status} {:?}", answer.headers);
        }
    }
    app.finish().await;
}

async fn requests_of(app: &TestApp, origin: &str) -> Vec<(u16, RequestBuilder)> {
    if origin == APP {
        return requests(app)
            .await
            .into_iter()
            .map(|(status, request)| (status, request.header("origin", origin)))
            .collect();
    }
    let access = app.login("ada@example.com", PASSWORD).await.tokens().access;
    vec![(200, app.request(Method::GET, "/auth/me").bearer_auth(access).header("origin", origin))]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_other_origin_can_read_an_answer() {
    let app = app(Backend::Sqlite).await;
    app.registered("ada@example.com").await;
    for origin in [
        OTHER,
        "null",
        "https://app.example.com:8443",
        "http://app.example.com",
        "HTTPS://APP.EXAMPLE.COM",
        "*",
    ] {
        let answer = app
            .send(app.request(Method::GET, "/auth/me").header("origin", origin))
            .await
            .expect_status(401);
        assert_eq!(allow(&answer), None, "{origin}");
        assert!(varies_by_origin(&answer), "a cache must not give this to {APP}");
    }
    let answer = app.get("/auth/me").await.expect_status(401);
    assert_eq!((allow(&answer), varies_by_origin(&answer)), (None, true));
    // What is public stays so, and is cached for each origin.
    let request = app.request(Method::GET, "/.well-known/jwks.json").header("origin", OTHER);
    let answer = app.send(request).await.expect_status(200);
    assert_eq!((allow(&answer), varies_by_origin(&answer)), (Some("*"), true));
    assert_eq!(answer.header("access-control-allow-credentials"), None);
    app.finish().await;
}

fn preflight(http: &Http, path: &str, origin: &str) -> RequestBuilder {
    http.request(Method::OPTIONS, path)
        .header("origin", origin)
        .header("access-control-request-method", "POST")
        .header(
            "access-control-request-headers",
            "authorization,content-type,idempotency-key,sentry-trace",
        )
}

async fn preflight_requests_are_answered_first(backend: Backend) {
    let builder = TestApp::builder(backend).settings(|settings| {
        settings.http.cors.origins = vec![APP.to_owned()];
        settings.http.cors.max_age = std::time::Duration::from_secs(600);
        settings.limits.enabled = true;
        settings.limits.login = "2/1m".parse().expect("a rate");
    });
    let app = builder.spawn().await;
    let http = app.http();
    for _ in 0..10 {
        for path in [
            "/auth/login",
            "/auth/me",
            "/users",
            "/auth/verify",
            "/auth/verify/below",
            "/no/such/path",
            "/docs",
        ] {
            let answer = http.send(preflight(&http, path, APP)).await.expect_status(204);
            assert_eq!(allow(&answer), Some(APP), "{path}");
            let methods = answer.header("access-control-allow-methods").expect("methods");
            for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
                assert!(methods.split(", ").any(|known| known == method), "{methods}");
            }
            let headers = answer.header("access-control-allow-headers");
            assert_eq!(headers, Some("authorization,content-type,idempotency-key,sentry-trace"));
            assert_eq!(answer.header("access-control-max-age"), Some("600"));
            assert!(varies_by_origin(&answer));
            assert!(answer.header("x-request-id").is_some());
        }
    }
    let refused = http.send(preflight(&http, "/auth/login", OTHER)).await.expect_problem(403, "forbidden");
    assert_eq!(allow(&refused), None);
    // The quota of logins is untouched, and the refusal of one can be read.
    let login = || {
        let body = json!({"identifier": "ada@example.com", "password": PASSWORD});
        http.request(Method::POST, "/auth/login").header("origin", APP).json(&body)
    };
    for _ in 0..2 {
        http.send(login()).await.expect_status(401);
    }
    let limited = http.send(login()).await.expect_problem(429, "rate_limited");
    assert_eq!(allow(&limited), Some(APP));
    assert!(limited.header("retry-after").is_some());
    let counted = app.metric("watchword_http_requests_total", r#"route="preflight""#).await;
    assert!((counted - 71.0).abs() < 0.1, "{counted}");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_origin_can_be_allowed_and_none_is_by_default() {
    let builder =
        TestApp::builder(Backend::Sqlite).settings(|settings| settings.http.cors.origins = vec!["*".to_owned()]);
    let app = builder.spawn().await;
    let http = app.http();
    for origin in [APP, "null"] {
        let answer = http.send(preflight(&http, "/auth/login", origin)).await.expect_status(204);
        assert_eq!(allow(&answer), Some("*"), "{origin}");
        let answer = http
            .send(http.request(Method::GET, "/auth/me").header("origin", origin))
            .await
            .expect_status(401);
        assert_eq!((allow(&answer), answer.header("access-control-allow-credentials")), (Some("*"), None));
    }
    app.finish().await;

    let app = TestApp::spawn(Backend::Sqlite).await;
    let http = app.http();
    let answer = http
        .send(preflight(&http, "/auth/login", APP))
        .await
        .expect_problem(405, "method_not_allowed");
    assert_eq!(
        (allow(&answer), answer.header("allow"), varies_by_origin(&answer)),
        (None, Some("POST"), false)
    );
    let answer = http
        .send(http.request(Method::GET, "/auth/me").header("origin", APP))
        .await
        .expect_status(401);
    assert_eq!((allow(&answer), varies_by_origin(&answer)), (None, false));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn origins_that_cannot_be_meant_are_refused_at_the_start() {
    const ORIGINS: &str = "WATCHWORD__HTTP__CORS__ORIGINS";
    for (origins, credentials, key, word) in [
        ("null", "false", "http.cors.origins", "sandboxed"),
        ("https://app.example.com/login", "false", "http.cors.origins", "without a path"),
        ("app.example.com", "false", "http.cors.origins", "scheme"),
        ("https://*.example.com", "false", "http.cors.origins", "list each origin"),
        ("*,https://app.example.com", "false", "http.cors.origins", "alone"),
        ("*", "true", "http.cors.credentials", "must be false"),
    ] {
        let env = [(ORIGINS, origins), ("WATCHWORD__HTTP__CORS__CREDENTIALS", credentials)];
        let ended = run(BinaryOptions::command(&["config", "check"], &env), "").await;
        let said = format!("{}{}", ended.stdout, ended.stderr);
        assert!(!ended.status.success(), "{origins}: {said}");
        assert!(said.contains(key) && said.contains(word), "{origins}: {said}");
    }
    let env = [(ORIGINS, "https://App.example.com/, http://localhost:5173,capacitor://localhost")];
    let ended = run(BinaryOptions::command(&["config", "show"], &env), "").await;
    assert!(ended.status.success(), "{}", ended.stderr);
    for origin in [
        "\"https://app.example.com\"",
        "\"http://localhost:5173\"",
        "\"capacitor://localhost\"",
    ] {
        assert!(ended.stdout.contains(origin), "{}", ended.stdout);
    }
}
