//! Every error is answered with a problem document, which repeats nothing of the request.

use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::api::{SHORT, edge_settings, long_timeouts, start, start_with, start_with_deadline};
use super::raw::{get, post, read_reply, request, send};
use crate::texts::assert_problem;

#[tokio::test]
async fn every_framework_error_becomes_a_problem_document() {
    let app = start().await;
    let uuid = "0190a6f4-3b7e-7e3a-9a39-0d7b6f2f1a11";
    for (method, path, status, code) in [
        ("GET", "/base/canary-secret".to_owned(), 404, "not_found"),
        ("GET", "/canary-secret".to_owned(), 404, "not_found"),
        ("GET", "/".to_owned(), 404, "not_found"),
        ("GET", "/base/items/canary-secret".to_owned(), 400, "invalid_parameter"),
        ("GET", "/base/bytes?count=canary-secret".to_owned(), 400, "invalid_parameter"),
        ("GET", "/base/bytes".to_owned(), 400, "invalid_parameter"),
        ("DELETE", format!("/base/items/{uuid}"), 405, "method_not_allowed"),
        ("OPTIONS", format!("/base/items/{uuid}"), 405, "method_not_allowed"),
        ("TRACE", "/base/ok".to_owned(), 405, "method_not_allowed"),
        ("CANARY", "/base/ok".to_owned(), 405, "method_not_allowed"),
        ("GET", "/base/panic".to_owned(), 500, "internal_error"),
        ("GET", "/base/detached-panic".to_owned(), 500, "internal_error"),
        ("GET", "/base/broken?how=500".to_owned(), 500, "internal_error"),
        ("GET", "/base/broken?how=502".to_owned(), 502, "internal_error"),
        ("GET", "/base/broken?how=503".to_owned(), 503, "service_unavailable"),
        ("GET", "/base/broken?how=418".to_owned(), 418, "bad_request"),
        ("GET", "/base/taken".to_owned(), 409, "email_taken"),
        ("GET", "/base/taken?how=error".to_owned(), 409, "email_taken"),
        ("GET", "/base/taken?how=limited".to_owned(), 429, "rate_limited"),
    ] {
        let reply = request(app.address, method, &path, &[], b"").await;
        assert_eq!(reply.status, status, "{method} {path}");
        assert_eq!(reply.problem()["code"], code, "{method} {path}");
        assert!(!reply.body.contains("canary-secret"), "{reply:?}");
        assert!(!reply.head.contains("canary-secret"), "{reply:?}");
    }
    // The server still works.
    assert_eq!(get(app.address, "/base/ok").await.body, "ok");
}

#[tokio::test]
async fn statuses_have_their_required_headers() {
    let app = start().await;
    let uuid = "0190a6f4-3b7e-7e3a-9a39-0d7b6f2f1a11";
    let not_allowed = request(app.address, "DELETE", &format!("/base/items/{uuid}"), &[], b"").await;
    assert_eq!(not_allowed.header("allow"), ["GET, HEAD, PATCH"]);

    let limit = get(app.address, "/base/taken?how=limited").await;
    assert_eq!(limit.header("retry-after"), ["3"]);
    assert_eq!(limit.header("ratelimit"), ["\"login\";r=0;t=3"]);

    assert_eq!(get(app.address, "/base/broken?how=503").await.header("retry-after"), ["1"]);
    assert_eq!(
        get(app.address, "/base/broken?how=401").await.header("www-authenticate"),
        [r#"Bearer realm="watchword""#]
    );
}

#[tokio::test]
async fn a_missed_deadline_answers_503() {
    let app = start_with_deadline().await;
    let reply = get(app.address, "/base/wait").await;
    assert_eq!((reply.status, &reply.problem()["code"]), (503, &"deadline_exceeded".into()));
    assert_eq!(reply.header("retry-after"), ["1"]);
}

#[tokio::test]
async fn a_head_request_gets_the_headers_of_a_get() {
    let app = start().await;
    let reply = request(app.address, "HEAD", "/base/ok", &[], b"").await;
    assert_eq!((reply.status, reply.body.as_str()), (200, ""));
    let reply = request(app.address, "HEAD", "/base/taken", &[], b"").await;
    assert_eq!((reply.status, reply.body.as_str()), (409, ""));
}

#[tokio::test]
async fn a_large_or_malformed_body_is_refused() {
    let app = start().await;
    let large = format!(r#"{{"email":"{}"}}"#, "x".repeat(2000));
    let declared = post(app.address, "/base/strict", &large).await;
    assert_eq!((declared.status, &declared.problem()["code"]), (413, &"payload_too_large".into()));

    // The limit also applies where no handler reads the body, and to chunked bodies.
    let elsewhere = request(app.address, "GET", "/base/ok", &[], &[b'x'; 2000]).await;
    assert_eq!(elsewhere.status, 413);
    let head =
        "POST /base/strict HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    let mut chunked = head.as_bytes().to_vec();
    for _ in 0..100 {
        chunked.extend_from_slice(b"400\r\n");
        chunked.extend_from_slice(&[b' '; 0x400]);
        chunked.extend_from_slice(b"\r\n");
    }
    let reply = send(app.address, &chunked).await;
    assert_eq!((reply.status, &reply.problem()["code"]), (413, &"payload_too_large".into()));
}

#[tokio::test]
async fn a_client_still_sending_a_large_body_receives_the_refusal() {
    let app = start().await;
    let mut socket = TcpStream::connect(app.address).await.unwrap();
    let head =
        b"POST /base/strict HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 900000\r\n\r\n";
    socket.write_all(head).await.unwrap();
    // Clients read the response after they have sent everything. The connection must stay open that
    // long, because a reset would discard the response.
    for _ in 0..9 {
        socket.write_all(&[b'x'; 100_000]).await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let reply = read_reply(&mut socket).await;
    assert_eq!((reply.status, &reply.problem()["code"]), (413, &"payload_too_large".into()));
}

#[tokio::test]
async fn content_types_other_than_json_are_refused() {
    let app = start().await;
    let body = br#"{"email":"a","password":"b"}"#;
    for (content_type, status) in [
        ("application/json", 200),
        ("Application/JSON", 200),
        ("application/json; charset=utf-8", 200),
        ("application/json;charset=UTF-8", 200),
        ("application/problem+json", 415),
        ("text/json", 415),
        ("text/plain", 415),
        ("application/jsonp", 415),
        ("application/x-www-form-urlencoded", 415),
        ("canary-secret", 415),
    ] {
        let reply = request(app.address, "POST", "/base/strict", &[("Content-Type", content_type)], body).await;
        assert_eq!(reply.status, status, "{content_type}");
        if status != 200 {
            assert_eq!(reply.problem()["code"], "unsupported_media_type");
            assert!(!reply.body.contains("canary-secret"));
        }
    }
    assert_eq!(request(app.address, "POST", "/base/strict", &[], body).await.status, 415);
    let encoded = [("Content-Type", "application/json"), ("Content-Encoding", "gzip")];
    assert_eq!(request(app.address, "POST", "/base/strict", &encoded, body).await.status, 415);
}

#[tokio::test]
async fn every_problem_has_a_page() {
    let app = start().await;
    let index = get(app.address, "/base/problems").await;
    assert_eq!(index.status, 200);
    let page = get(app.address, "/base/problems/email_taken").await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains("email_taken") && !page.body.contains("username_taken"));
    assert_eq!(get(app.address, "/base/problems/canary").await.problem()["code"], "not_found");
}

/// The problems that a healthy service never returns for a well-formed request.
#[tokio::test]
async fn problems_of_the_framework_match_their_snapshots() {
    let app = start().await;
    for (method, path, code) in [
        ("GET", "/base/broken?how=418", "bad_request"),
        ("GET", "/base/broken?how=503", "service_unavailable"),
        ("GET", "/base/panic", "internal_error"),
        ("DELETE", "/base/ok", "method_not_allowed"),
    ] {
        let problem = request(app.address, method, path, &[], b"").await.problem();
        assert_eq!(problem["code"], code);
        assert_problem(&problem);
    }
    let app = start_with_deadline().await;
    let problem = get(app.address, "/base/wait").await.problem();
    assert_eq!(problem["code"], "deadline_exceeded");
    assert_problem(&problem);

    let mut edge = edge_settings();
    edge.body.timeout = SHORT;
    let app = start_with(long_timeouts(), edge).await;
    let mut socket = TcpStream::connect(app.address).await.unwrap();
    let head =
        b"POST /base/strict HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{";
    socket.write_all(head).await.unwrap();
    let problem = read_reply(&mut socket).await.problem();
    assert_eq!(problem["code"], "request_timeout");
    assert_problem(&problem);
}
