//! Request id, trace, user agent, and the log line and the count of a request.

use std::io::Write;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tracing::Dispatch;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::fmt::MakeWriter;
use watchword::config::{LogFormat, TelemetrySettings};
use watchword::telemetry::subscriber;

use super::api::{Running, start, start_with_deadline};
use super::raw::{Reply, TIMEOUT, get, request};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

fn parts(reply: &Reply) -> Vec<String> {
    reply.body.split('|').map(ToOwned::to_owned).collect()
}

#[tokio::test]
async fn a_well_formed_request_id_is_kept_and_any_other_replaced() {
    let app = start().await;
    let longest = "a".repeat(64);
    let too_long = "a".repeat(65);
    for (given, kept) in [
        ("abc", true),
        ("A.b_c-9", true),
        (longest.as_str(), true),
        (too_long.as_str(), false),
        ("", false),
        ("a b", false),
        ("a/b", false),
        ("a\"b", false),
        ("é", false),
    ] {
        let reply = request(app.address, "GET", "/base/who", &[("X-Request-Id", given)], b"").await;
        let echoed = reply.header("x-request-id")[0].to_owned();
        assert_eq!(parts(&reply)[0], echoed);
        assert_eq!(echoed == given, kept, "{given}");
        if !kept {
            assert_eq!(uuid::Uuid::parse_str(&echoed).unwrap().get_version_num(), 7);
        }
    }
    let (one, other) = (get(app.address, "/base/who").await, get(app.address, "/base/who").await);
    assert_ne!(parts(&one)[0], parts(&other)[0]);
}

#[tokio::test]
async fn a_trace_is_continued_with_a_new_span() {
    let app = start().await;
    for (given, flags) in [
        (format!("00-{TRACE}-{PARENT}-01"), Some("01")),
        (format!("00-{TRACE}-{PARENT}-00"), Some("00")),
        (format!("cc-{TRACE}-{PARENT}-01-what-the-future-will-bring"), Some("01")),
        (format!("00-{TRACE}-{PARENT}-01-more"), None),
        (format!("ff-{TRACE}-{PARENT}-01"), None),
        (format!("00-{}-{PARENT}-01", TRACE.to_uppercase()), None),
        (format!("00-{}-{PARENT}-01", "0".repeat(32)), None),
        (format!("00-{TRACE}-{}-01", "0".repeat(16)), None),
        (format!("00-{TRACE}-{PARENT}"), None),
        (format!("00-{TRACE}-{PARENT}-+1"), None),
        ("canary".to_owned(), None),
    ] {
        let reply = request(app.address, "GET", "/base/who", &[("traceparent", &given)], b"").await;
        let trace = parts(&reply)[1].clone();
        let fields: Vec<&str> = trace.split('-').collect();
        assert_eq!((fields.len(), fields[0], fields[1].len(), fields[2].len()), (4, "00", 32, 16), "{trace}");
        assert_ne!(fields[2], PARENT);
        match flags {
            Some(flags) => assert_eq!((fields[1], fields[3]), (TRACE, flags), "{given}"),
            None => assert_ne!(fields[1].to_lowercase(), TRACE, "{given}"),
        }
    }
}

#[tokio::test]
async fn the_user_agent_is_bounded_and_clean() {
    let app = start().await;
    let long = "x".repeat(1000);
    for (given, kept) in [
        ("curl/8", "curl/8"),
        ("a\tb", "ab"),
        ("  ", ""),
        (long.as_str(), &long[..256]),
    ] {
        let reply = request(app.address, "GET", "/base/who", &[("User-Agent", given)], b"").await;
        assert_eq!(parts(&reply)[3], kept);
    }
}

/// Captures the log until it is dropped.
struct LogGuard(
    #[expect(dead_code, reason = "kept until the end")] DefaultGuard,
    #[expect(dead_code, reason = "kept until the end")] Dispatch,
);

/// A log in memory.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Captures everything that this thread logs, which is everything in a single-threaded test.
    fn capture(&self) -> LogGuard {
        self.capture_at("trace")
    }

    /// Captures from this level on.
    fn capture_at(&self, level: &str) -> LogGuard {
        // With only one dispatcher in the process, tracing asks the current thread's dispatcher
        // whether a callsite is enabled, and caches the "no" of a thread without one. Another
        // dispatcher makes it ask all of them.
        let other = Dispatch::new(tracing_subscriber::registry());
        let settings = TelemetrySettings { format: LogFormat::Json, level: level.to_owned() };
        let guard = tracing::subscriber::set_default(subscriber(&settings, None, false, self.clone()).unwrap());
        LogGuard(guard, other)
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// Returns the lines about requests.
    fn requests(&self) -> Vec<Value> {
        let lines: Vec<Value> = self.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        lines
            .into_iter()
            .filter(|line| line["msg"].as_str().unwrap().contains("request"))
            .collect()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        Write::write(&mut *self.0.lock().unwrap(), bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn a_request_logs_one_line() {
    let log = Log::default();
    let _guard = log.capture();
    let app = start_with_deadline().await;
    let id = "0190a6f4-3b7e-7e3a-9a39-0d7b6f2f1a11";
    let trace = format!("00-{TRACE}-{PARENT}-01");
    for (method, path, route, status) in [
        ("GET", format!("/base/items/{id}?token=canary"), "/base/items/{id}", 200),
        ("DELETE", format!("/base/items/{id}"), "/base/items/{id}", 405),
        ("GET", "/base/items/canary".to_owned(), "/base/items/{id}", 400),
        ("GET", "/base/canary".to_owned(), "unmatched", 404),
        ("GET", "/base/panic".to_owned(), "/base/panic", 500),
        ("GET", "/base/wait".to_owned(), "/base/wait", 503),
        ("CANARY", "/base/ok".to_owned(), "/base/ok", 405),
    ] {
        log.0.lock().unwrap().clear();
        let headers = [
            ("X-Request-Id", "mine"),
            ("traceparent", trace.as_str()),
            ("Authorization", "Bearer canary"),
        ];
        request(app.address, method, &path, &headers, b"").await;
        let lines = log.requests();
        let [line] = lines.as_slice() else {
            panic!("{path}: {lines:?}")
        };
        assert_eq!((&line["route"], &line["status"]), (&route.into(), &status.into()), "{path}");
        assert_eq!(line["method"], if method == "CANARY" { "OTHER" } else { method });
        assert_eq!((&line["request_id"], &line["trace_id"]), (&"mine".into(), &TRACE.into()));
        assert!(line["latency_ms"].as_f64().unwrap() >= 0.0);
        assert_eq!(line.get("user_id").is_some(), status == 200, "{line}");
        assert!(!log.text().to_lowercase().contains("canary"), "{}", log.text());
    }
}

#[tokio::test]
async fn polled_routes_log_only_errors() {
    let log = Log::default();
    let guard = log.capture_at("info");
    let app = start().await;
    for (method, path, status) in [
        ("GET", "/base/readyz", None),
        ("GET", "/base/readyz?broken=401", Some(401)),
        ("DELETE", "/base/readyz", Some(405)),
        ("GET", "/base/readyz/below", Some(404)),
        ("GET", "/base/readyzz", Some(404)),
        ("GET", "/base/ok", Some(200)),
    ] {
        log.0.lock().unwrap().clear();
        let headers = [("X-Request-Id", "mine")];
        request(app.address, method, path, &headers, b"").await;
        let lines = log.requests();
        let logged: Vec<_> = lines.iter().map(|line| (&line["status"], &line["request_id"])).collect();
        let expected = status.map(|status: u16| (Value::from(status), Value::from("mine")));
        let expected: Vec<_> = expected.iter().map(|(status, id)| (status, id)).collect();
        assert_eq!(logged, expected, "{method} {path}");
    }
    drop(guard);
    log.0.lock().unwrap().clear();
    let _guard = log.capture_at("debug");
    request(app.address, "GET", "/base/readyz", &[], b"").await;
    assert_eq!(log.requests().len(), 1, "a polled request is logged at debug level");
}

/// Waits until one request with these labels is wait_for_count.
async fn wait_for_count(app: &Running, labels: &str) {
    let line = format!("http_requests_total{{{labels}}} 1");
    let appears = async {
        while !app.metrics.render().contains(&line) {
            tokio::task::yield_now().await;
        }
    };
    let seen = timeout(TIMEOUT, appears).await;
    assert!(seen.is_ok(), "no {line} in {}", app.metrics.render());
}

#[tokio::test]
async fn a_request_is_counted_by_its_route() {
    let app = start().await;
    get(app.address, "/base/items/0190a6f4-3b7e-7e3a-9a39-0d7b6f2f1a11").await;
    wait_for_count(&app, r#"method="GET",route="/base/items/{id}",status="200""#).await;
    request(app.address, "CANARY", "/canary", &[], b"").await;
    wait_for_count(&app, r#"method="other",route="unmatched",status="404""#).await;
    assert!(!app.metrics.render().to_lowercase().contains("canary"));
}

#[tokio::test]
async fn a_disconnected_client_is_counted() {
    let log = Log::default();
    let _guard = log.capture();
    let app = start().await;
    let mut socket = TcpStream::connect(app.address).await.unwrap();
    socket.write_all(b"GET /base/wait HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    timeout(TIMEOUT, app.gate.arrived.notified()).await.unwrap();
    socket.set_zero_linger().unwrap();
    drop(socket);
    wait_for_count(&app, r#"method="GET",route="/base/wait",status="499""#).await;
    let lines = log.requests();
    let [line] = lines.as_slice() else { panic!("{lines:?}") };
    assert_eq!((&line["route"], &line["status"]), (&"/base/wait".into(), &499.into()));
}
