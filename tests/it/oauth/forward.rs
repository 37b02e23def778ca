//! GET /auth/verify: forward authentication for proxies.

use std::time::Duration;

use percent_encoding::percent_decode_str;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::app::{PASSWORD, TestApp};
use crate::support::binary::{Binary, BinaryOptions};
use crate::support::clock::TestClock;
use crate::support::database::Backend;
use crate::support::flow_tests;
use crate::support::http::Answer;
use crate::support::oauth::{forgeries, revoke};

flow_tests! {
    a_valid_token_answers_with_the_users_headers,
    a_request_without_a_valid_token_is_refused,
    an_email_cannot_inject_a_header,
}

/// The four authentication headers of a response.
fn auth_headers(answer: &Answer) -> [Option<&str>; 4] {
    ["x-auth-user-id", "x-auth-email", "x-auth-roles", "x-auth-session-id"].map(|name| answer.header(name))
}

async fn a_valid_token_answers_with_the_users_headers(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let admin = app.admin().await;
    let id = app.me(&admin.access).await.str("/id").to_owned();
    let session = admin.session();
    let expected = [
        Some(id.as_str()),
        Some("root@example.com"),
        Some("user,admin"),
        Some(session.as_str()),
    ];
    // Proxies append the requested path to the prefix, and keep the method.
    let requests = [
        (Method::GET, "/auth/verify"),
        (Method::HEAD, "/auth/verify"),
        (Method::GET, "/auth/verify/"),
        (Method::HEAD, "/auth/verify/orders"),
        (Method::POST, "/auth/verify/orders/7"),
        (Method::PUT, "/auth/verify/a//b/../c%2Fd"),
        (Method::DELETE, "/auth/verify/orders?id=%00&x=1"),
        (Method::PATCH, "/auth/verify/%ff"),
        (Method::OPTIONS, "/auth/verify/:param/*"),
        (Method::from_bytes(b"PROPFIND").expect("a method"), "/auth/verify/dav"),
    ];
    for (method, path) in requests {
        let answer = app.send(app.request(method.clone(), path).bearer_auth(&admin.access)).await;
        assert_eq!(answer.status, 200, "{method} {path}: {}", answer.text);
        assert_eq!(auth_headers(&answer), expected, "{method} {path}");
        assert_eq!(answer.text, "", "{method} {path}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    let answer = app.send_as(&admin.access, Method::POST, "/auth/verify", &json!({})).await;
    answer.expect_problem(405, "method_not_allowed");
    assert_eq!(app.event_names().await, ["registered", "logged_in"], "a verification records no event");
    let counted = app.metric("watchword_http_requests_total", r#"route="/auth/verify/*path",status="200""#);
    assert!(counted.await >= 8.0, "{}", app.metrics().await);
    app.finish().await;
}

async fn a_request_without_a_valid_token_is_refused(backend: Backend) {
    let clock = TestClock::running();
    let app = TestApp::builder(backend).clock(clock.clone()).spawn().await;
    let tokens = app.registered("ada@example.com").await.tokens();
    let revoked = app.login("ada@example.com", PASSWORD).await.tokens();
    app.send(app.request(Method::GET, "/auth/verify").bearer_auth(&revoked.access))
        .await
        .expect_status(200);
    revoke(&app, &revoked.refresh).await.expect_status(200);
    let mut bad = forgeries(&tokens.access);
    bad.push(("revoked", revoked.access));
    bad.push(("a refresh token", tokens.refresh.clone()));
    for path in ["/auth/verify", "/auth/verify/orders"] {
        for (name, token) in &bad {
            let answer = app.send(app.request(Method::GET, path).bearer_auth(token)).await;
            assert_eq!(auth_headers(&answer), [None; 4], "{name}");
            assert_eq!(answer.status, 401, "{name}");
            answer.expect_problem(401, "invalid_token");
        }
        let answer = app.get(path).await.expect_problem(401, "authentication_required");
        assert_eq!(answer.header("www-authenticate"), Some(r#"Bearer realm="watchword""#));
        assert_eq!(auth_headers(&answer), [None; 4]);
        // A header from the client is not echoed.
        let forged = app.request(Method::GET, path).header("x-auth-user-id", "somebody");
        let answer = app.send(forged).await.expect_problem(401, "authentication_required");
        assert_eq!(auth_headers(&answer), [None; 4]);
    }
    clock.advance(Duration::from_secs(15 * 60 + 6));
    let answer = app.send(app.request(Method::GET, "/auth/verify/x").bearer_auth(&tokens.access)).await;
    answer.expect_problem(401, "invalid_token");
    let again = app.refresh(&tokens.refresh).await.tokens();
    let disable = "UPDATE users SET status = 'disabled' WHERE email = 'ada@example.com'";
    app.database.execute(disable).await.expect("disable an account");
    let answer = app.send(app.request(Method::GET, "/auth/verify").bearer_auth(&again.access)).await;
    answer.expect_problem(401, "invalid_token");
    app.finish().await;
}

async fn an_email_cannot_inject_a_header(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    for (email, header) in [
        ("a.b+c_d@example.com", "a.b+c_d@example.com"),
        ("j\u{f8}rn@example.com", "j%C3%B8rn@example.com"),
        ("50%25off@example.com", "50%2525off@example.com"),
        (
            "\u{30c6}\u{30b9}\u{30c8}@\u{4f8b}.example.com",
            "%E3%83%86%E3%82%B9%E3%83%88@%E4%BE%8B.example.com",
        ),
    ] {
        let tokens = app.registered(email).await.tokens();
        let answer = app.send(app.request(Method::GET, "/auth/verify").bearer_auth(&tokens.access)).await;
        let encoded = answer.header("x-auth-email").expect("an address").to_owned();
        assert_eq!(encoded, header);
        assert_eq!(
            percent_decode_str(&encoded).decode_utf8().expect("UTF-8"),
            email,
            "the header can be decoded"
        );
    }
    app.finish().await;
}

/// A token lookup that misses the session cache runs within the span of its request.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_lookup_logs_the_request_id() {
    let options = BinaryOptions::serve(&[("WATCHWORD__TELEMETRY__LEVEL", "debug")]);
    let mut binary = Binary::start(options).await;
    let http = binary.http();
    let request = http.request(Method::GET, "/auth/verify").bearer_auth("no.such.token");
    let answer = http.send(request.header("x-request-id", "which-one")).await;
    answer.expect_problem(401, "invalid_token");
    assert!(binary.stop().await.success());
    let log = binary.process().log();
    let refused = log.lines().find(|line| line.contains("access token refused"));
    let line: Value = serde_json::from_str(refused.expect("a line")).expect("JSON");
    assert_eq!(line["request_id"], "which-one", "{line}");
}
