//! Requests as clients and proxies send them.

use std::net::SocketAddr;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::binary::{Binary, BinaryOptions};
use crate::support::database::Backend;
use crate::support::raw::RawConnection;
use crate::texts::assert_problem;

/// A response, read until the server closes.
struct Reply {
    status: u16,
    head: String,
    body: String,
}

impl Reply {
    fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        let mut values = lines.filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim());
        values.next()
    }

    /// The code of the problem document, which is complete.
    #[track_caller]
    fn code(&self) -> String {
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json"),
            "{}\n{}",
            self.head,
            self.body
        );
        let problem: Value = serde_json::from_str(&self.body).expect("JSON");
        assert_eq!(problem["status"], self.status);
        assert_eq!(problem["requestId"].as_str(), self.header("x-request-id"));
        assert_eq!(self.header("cache-control"), Some("no-store"));
        assert_eq!(self.header("content-length"), Some(self.body.len().to_string().as_str()));
        problem["code"].as_str().expect("a code").to_owned()
    }
}

/// Sends bytes, and reads until the server closes.
async fn send(port: u16, bytes: &[u8]) -> Reply {
    let mut connection = RawConnection::to(port).await.expect("connect");
    // The server may close before it has read everything.
    drop(connection.send(bytes).await);
    let text = connection.read_to_end().await;
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no response in {text:?}"));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    Reply { status, head: head.to_owned(), body: body.to_owned() }
}

/// A request line with the usual headers, and the connection closes after it.
async fn ask(port: u16, line: &str, more: &str) -> Reply {
    send(
        port,
        format!("{line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{more}\r\n").as_bytes(),
    )
    .await
}

/// A head that is too large has a body, a line in the log and a sample, as every refusal.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heads_that_are_too_large_are_refused_with_a_reason() {
    let mut binary = Binary::start(BinaryOptions::serve(&[("WATCHWORD__TELEMETRY__FORMAT", "json")])).await;
    let port = binary.http().port();
    let many: String = (0..120).map(|number| format!("X-Small-{number}: x\r\n")).collect();
    let large = format!("Cookie: {}\r\n", "x".repeat(17_000));
    let larger = format!("Cookie: {}\r\n", "x".repeat(300_000));
    let long_path = format!("GET /{}", "x".repeat(20_000));
    let mut ids = Vec::new();
    for reply in [
        ask(port, "GET /healthz", &many).await,
        ask(port, "GET /healthz", &large).await,
        ask(port, "GET /healthz", &larger).await,
        ask(port, &long_path, "").await,
    ] {
        assert_eq!((reply.status, reply.code().as_str()), (431, "head_too_large"), "{}", reply.head);
        assert_eq!(reply.header("connection"), Some("close"));
        assert_problem(&serde_json::from_str(&reply.body).expect("JSON"));
        ids.push(reply.header("x-request-id").expect("an id").to_owned());
    }
    for id in ids {
        let log = binary.process().log();
        let lines: Vec<&str> = log.lines().filter(|line| line.contains(&id)).collect();
        assert_eq!(lines.len(), 1, "{id} in {log}");
        let line: Value = serde_json::from_str(lines[0]).expect("JSON");
        assert_eq!((&line["status"], &line["route"]), (&json!(431), &json!("unparsed")), "{line}");
    }
    let url = binary.http().url("/healthz");
    let filler = format!("X-Filler: {}", "x".repeat(17_000));
    let curl = [
        "--silent",
        "--http2-prior-knowledge",
        "--write-out",
        " %{http_version} %{http_code}",
        "--header",
        &filler,
        &url,
    ];
    let output = tokio::process::Command::new("curl").args(curl).output().await.expect("run curl");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("\"head_too_large\"") && said.ends_with(" 2 431"), "{said}");
    // A usual cookie is none of this.
    let reply = ask(port, "GET /healthz", &format!("Cookie: {}\r\n", "x".repeat(12_000))).await;
    assert_eq!(reply.status, 200);
    binary.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_request_is_refused_with_a_reason() {
    let app = TestApp::spawn(Backend::Sqlite).await;
    for bytes in [
        "hello\r\n\r\n",
        "GET /healthz\r\n\r\n",
        "GET /healthz HTTP/3.7\r\nHost: localhost\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: localhost\r\nNo colon\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: localhost\r\nBad Name: x\r\n\r\n",
        "GET /a b HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "POST /auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n",
        "POST /auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}",
        "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\r\n\r\n",
    ] {
        let reply = send(app.port(), bytes.as_bytes()).await;
        assert_eq!((reply.status, reply.code().as_str()), (400, "bad_request"), "{bytes:?}");
    }
    let counted = app.metric("watchword_http_requests_total", r#"route="unparsed",status="400""#).await;
    assert!((counted - 9.0).abs() < 0.1, "{counted}");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_path_and_method_has_an_answer() {
    let app = TestApp::spawn(Backend::Sqlite).await;
    let port = app.port();
    for (line, status, code) in [
        ("GET //healthz", 404, "not_found"),
        ("GET /healthz//", 404, "not_found"),
        ("GET /auth//me", 404, "not_found"),
        ("GET /auth%2Fme", 404, "not_found"),
        ("GET /%68ealthz", 404, "not_found"),
        ("GET /auth/me%00", 404, "not_found"),
        ("GET /../healthz", 404, "not_found"),
        ("GET /./healthz", 404, "not_found"),
        ("GET /%2e%2e/healthz", 404, "not_found"),
        ("GET /ww/healthz", 404, "not_found"),
        ("GET /HEALTHZ", 404, "not_found"),
        ("GET /healthz;x=1", 404, "not_found"),
        ("TRACE /healthz", 405, "method_not_allowed"),
        ("OPTIONS /healthz", 405, "method_not_allowed"),
        ("PROPFIND /healthz", 405, "method_not_allowed"),
        ("get /healthz", 405, "method_not_allowed"),
        ("POST /healthz", 405, "method_not_allowed"),
        ("OPTIONS *", 404, "not_found"),
        ("CONNECT localhost:443", 404, "not_found"),
        ("PRI *", 404, "not_found"),
    ] {
        let reply = ask(port, line, "").await;
        assert_eq!((reply.status, reply.code().as_str()), (status, code), "{line}");
        assert_eq!(reply.header("allow").is_some(), status == 405, "{line}");
    }
    for line in [
        "GET /healthz",
        "GET /healthz?",
        "GET /healthz?a=%",
        "GET http://auth.example.com/healthz",
        "GET http://[::1]:3001/healthz",
        "GET https://auth.example.com:443/healthz?x",
    ] {
        assert_eq!(ask(port, line, "").await.status, 200, "{line}");
    }
    let head = ask(port, "HEAD /healthz", "").await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn old_and_unusual_requests_are_served() {
    let app = TestApp::spawn(Backend::Sqlite).await;
    let port = app.port();
    // HTTP/1.0, with and without a kept connection, and without a host.
    let reply = send(port, b"GET /healthz HTTP/1.0\r\n\r\n").await;
    assert_eq!((reply.status, reply.body.as_str()), (200, r#"{"status":"ok"}"#));
    let mut kept = RawConnection::to(port).await.expect("connect");
    for _ in 0..3 {
        kept.send(b"GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").await.expect("send");
        let answer = kept.read_until(r#"{"status":"ok"}"#).await;
        assert!(answer.to_lowercase().contains("connection: keep-alive"), "{answer}");
    }
    // An upgrade that the service does not know is none.
    let upgrade = "Connection: close, Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n";
    let reply = send(port, format!("GET /healthz HTTP/1.1\r\nHost: a\r\n{upgrade}\r\n").as_bytes()).await;
    assert_eq!(reply.status, 200);
    // Requests that do not wait for answers.
    let mut eager = RawConnection::to(port).await.expect("connect");
    let two = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\nGET /readyz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    eager.send(two.as_bytes()).await.expect("send");
    let answers = eager.read_to_end().await;
    assert_eq!(answers.matches("HTTP/1.1 200").count(), 2, "{answers}");

    let body = json!({"email": "ada@example.com", "password": "correct horse battery 7"}).to_string();
    let length = body.len();
    // Names of headers in lower case, parameters of the media type, a body in chunks.
    for (content_type, status) in [
        ("application/json", 201),
        ("application/json; charset=utf-8", 409),
        ("application/json;charset=UTF-8", 409),
        ("Application/JSON; Charset=\"utf-8\"", 409),
        ("application/json; boundary=x", 409),
        ("application/x-www-form-urlencoded", 415),
        ("text/json", 415),
        ("", 415),
    ] {
        let more = format!("content-type: {content_type}\r\ncontent-length: {length}\r\n\r\n{body}");
        let reply = send(
            port,
            format!("POST /auth/register HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{more}").as_bytes(),
        )
        .await;
        assert_eq!(reply.status, status, "{content_type}: {}", reply.body);
    }
    let chunked = format!(
        "POST /auth/register HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Transfer-Encoding: chunked\r\n\r\n5\r\n{}\r\n{:x};x=y\r\n{}\r\n0\r\nX-Trailer: 1\r\n\r\n",
        &body[..5],
        length - 5,
        &body[5..],
    );
    assert_eq!(send(port, chunked.as_bytes()).await.status, 409);
    app.finish().await;
}

/// nginx sends HTTP/1.0 unless it is configured otherwise. A stream then has no chunks.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_stream_reaches_clients_of_http_1_0() {
    let app = TestApp::spawn(Backend::Sqlite).await;
    let admin = app.admin().await;
    let mut stream = RawConnection::to(app.port()).await.expect("connect");
    let request = format!("GET /events/stream HTTP/1.0\r\nAuthorization: Bearer {}\r\n\r\n", admin.access);
    stream.send(request.as_bytes()).await.expect("send");
    let head = stream.read_until("\r\n\r\n").await.to_lowercase();
    assert!(head.contains(" 200 ") && !head.contains("transfer-encoding"), "{head}");
    app.registered("ada@example.com").await;
    let text = stream.read_until("auth.user.registered").await;
    assert!(text.contains("event: ") || text.contains("data: "), "{text}");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_is_wanted_only_if_it_can_be_taken() {
    let app = TestApp::spawn(Backend::Sqlite).await;
    let head = |length: usize| {
        format!(
            "POST /auth/login HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Expect: 100-continue\r\nContent-Length: {length}\r\n\r\n"
        )
    };
    let body = json!({"identifier": "ada@example.com", "password": "x"}).to_string();
    let mut connection = RawConnection::to(app.port()).await.expect("connect");
    connection.send(head(body.len()).as_bytes()).await.expect("send");
    let go_on = connection.read_until("\r\n\r\n").await;
    assert!(go_on.starts_with("HTTP/1.1 100 "), "{go_on}");
    connection.send(body.as_bytes()).await.expect("send");
    assert!(connection.read_to_end().await.starts_with("HTTP/1.1 401 "));

    let mut connection = RawConnection::to(app.port()).await.expect("connect");
    connection.send(head(20_000).as_bytes()).await.expect("send");
    let refused = connection.read_until("\r\n\r\n").await;
    assert!(refused.starts_with("HTTP/1.1 413 "), "{refused}");
    app.finish().await;
}

/// Which host was meant changes nothing here, but what disagrees about it is not relied on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_has_one_host() {
    let app = TestApp::spawn(Backend::Sqlite).await;
    for (head, status) in [
        ("GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n", 400),
        ("GET /healthz HTTP/1.1\r\nHost: a\r\nHost: a\r\nConnection: close\r\n\r\n", 400),
        ("GET /healthz HTTP/1.1\r\nHost: a\r\nhost: b\r\nConnection: close\r\n\r\n", 400),
        ("GET /healthz HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        ("GET /healthz HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n", 200),
        ("GET /healthz HTTP/1.1\r\nHost: anything at all\r\nConnection: close\r\n\r\n", 200),
    ] {
        let reply = send(app.port(), head.as_bytes()).await;
        assert_eq!(reply.status, status, "{head:?}");
        if status == 400 {
            assert_eq!(reply.code(), "bad_request");
        }
    }
    app.finish().await;
}

/// The warning about a proxy in front that is not trusted.
const UNTRUSTED: &str = "http.trusted_proxies";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_that_is_not_trusted_is_warned_of_once() {
    for (trusted, header, warned, address) in [
        ("", "X-Forwarded-For: 203.0.113.9", 1, "127.0.0.1"),
        ("", "Forwarded: for=203.0.113.9", 1, "127.0.0.1"),
        ("", "X-Unknown: 203.0.113.9", 0, "127.0.0.1"),
        ("10.0.0.0/8", "X-Forwarded-For: 203.0.113.9", 1, "127.0.0.1"),
        ("127.0.0.0/8", "X-Forwarded-For: 203.0.113.9", 0, "203.0.113.9"),
    ] {
        let mut binary = Binary::start(BinaryOptions::serve(&[("WATCHWORD__HTTP__TRUSTED_PROXIES", trusted)])).await;
        let http = binary.http().clone();
        let (name, value) = header.split_once(": ").expect("a header");
        for _ in 0..5 {
            http.send(http.request(Method::GET, "/healthz").header(name, value))
                .await
                .expect_status(200);
        }
        let answer = http.register("ada@example.com", "correct horse battery 7").await;
        let access = answer.tokens().access;
        let request = http.request(Method::POST, "/auth/login").header(name, value);
        let login = json!({"identifier": "ada@example.com", "password": "correct horse battery 7"});
        http.send(request.json(&login)).await.expect_status(200);
        let sessions = http.get_as(&access, "/auth/sessions").await.expect_status(200);
        assert!(sessions.text.contains(address), "{trusted} {header}: {}", sessions.text);
        let log = binary.process().log();
        assert_eq!(
            log.lines().filter(|line| line.contains(UNTRUSTED)).count(),
            warned,
            "{trusted} {header}: {log}"
        );
        binary.stop().await;
    }
}

#[test]
fn the_header_that_names_the_client_can_be_chosen() {
    use poem::http::{HeaderMap, HeaderName, HeaderValue};
    use watchword::http::client_ip::{TrustedProxies, client_ip};
    let resolve = |header: &'static str, lines: &[(&'static str, &'static str)]| {
        let trusted = TrustedProxies::new(vec!["10.0.0.0/8".parse().expect("a network")]);
        let trusted = trusted.reading(HeaderName::from_static(header));
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        let peer: SocketAddr = "10.0.0.1:1".parse().expect("an address");
        client_ip(peer.ip(), &headers, &trusted).0.to_string()
    };
    let forwarded = "forwarded";
    for (header, lines, client) in [
        (
            "cf-connecting-ip",
            &[("cf-connecting-ip", "203.0.113.9"), ("x-forwarded-for", "6.6.6.6")][..],
            "203.0.113.9",
        ),
        ("x-real-ip", &[("x-real-ip", "2001:db8::7")], "2001:db8::7"),
        (forwarded, &[("x-forwarded-for", "6.6.6.6")], "10.0.0.1"),
        (forwarded, &[(forwarded, "for=203.0.113.9")], "203.0.113.9"),
        (forwarded, &[(forwarded, "For=\"[2001:db8:cafe::17]:4711\"")], "2001:db8:cafe::17"),
        (
            forwarded,
            &[(forwarded, "for=6.6.6.6, proto=https;for=203.0.113.9;by=10.0.0.1")],
            "203.0.113.9",
        ),
        (
            forwarded,
            &[(forwarded, "for=6.6.6.6"), (forwarded, "for=203.0.113.9, for=10.0.0.2")],
            "203.0.113.9",
        ),
        // What is in quotes was chosen by the client.
        (forwarded, &[(forwarded, "for=203.0.113.9;host=\"a, for=6.6.6.6\"")], "203.0.113.9"),
        (forwarded, &[(forwarded, "for=203.0.113.9;host=\"a\\\", for=6.6.6.6\"")], "203.0.113.9"),
        (forwarded, &[(forwarded, "for=\"6.6.6.6, for=6.6.6.6")], "10.0.0.1"),
        (forwarded, &[(forwarded, "for=6.6.6.6, for=unknown")], "10.0.0.1"),
        (forwarded, &[(forwarded, "for=6.6.6.6, for=_hidden")], "10.0.0.1"),
        (forwarded, &[(forwarded, "for=6.6.6.6, proto=https")], "10.0.0.1"),
        (forwarded, &[(forwarded, "for=6.6.6.6;for=203.0.113.9")], "10.0.0.1"),
    ] {
        assert_eq!(resolve(header, lines), client, "{header} {lines:?}");
    }
}
