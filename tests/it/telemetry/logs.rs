//! The format of log lines, and which events are logged.

use serde_json::json;
use tracing::{Instrument as _, field};
use watchword::{
    config::LogFormat,
    telemetry::{TelemetryError, spawn, subscriber},
};

use super::support::{Captured, capture, settings};

#[test]
fn an_event_is_one_json_line_with_the_fields_of_its_spans() {
    let (log, _guard) = capture(LogFormat::Json, "info", None);
    let outer = tracing::info_span!(target: "watchword::http", "request", request_id = "r-1", user_id = field::Empty);
    outer.in_scope(|| {
        outer.record("user_id", 42);
        tracing::info_span!(target: "watchword::actions", "login", attempt = 2).in_scope(|| {
            tracing::warn!(target: "watchword::actions", status = 401, latency_ms = 1.5, ok = false, "refused\n\"twice\"");
        });
    });
    drop(outer);

    let lines = log.lines();
    let [line] = lines.as_slice() else {
        panic!("expected one line for one event: {lines:?}")
    };
    assert_eq!(line["v"], 0);
    assert_eq!(line["name"], "watchword");
    assert_eq!(line["level"], 40);
    assert_eq!(line["pid"], std::process::id());
    assert_eq!(line["target"], "watchword::actions");
    assert_eq!(line["msg"], "[LOGIN - EVENT] refused\n\"twice\"");
    assert!(line["time"].as_str().expect("a time").ends_with('Z'), "{line}");
    for (field, value) in [
        ("request_id", json!("r-1")),
        ("user_id", json!(42)),
        ("attempt", json!(2)),
        ("status", json!(401)),
        ("latency_ms", json!(1.5)),
        ("ok", json!(false)),
    ] {
        assert_eq!(line[field], value, "{field} in {line}");
    }
    assert!(line.get("file").is_none() && line.get("line").is_none(), "{line}");
}

#[test]
fn rust_log_wins_over_the_configured_level() {
    let say = || {
        tracing::info!(target: "watchword::relay", "relay");
        tracing::debug!(target: "watchword::http", "http");
    };
    for (level, rust_log, heard) in [
        ("info", None, 1),
        ("info", Some(""), 1),
        ("info", Some("debug"), 2),
        ("trace", Some("error"), 0),
        ("warn,watchword::http=debug", None, 1),
        ("info", Some("off,watchword::relay=info"), 1),
    ] {
        let (log, guard) = capture(LogFormat::Json, level, rust_log);
        say();
        drop(guard);
        assert_eq!(log.lines().len(), heard, "{level}, {rust_log:?}");
    }
}

#[test]
fn an_invalid_level_is_an_error_that_names_its_source() {
    for (level, rust_log, named) in [("loud=x", None, "telemetry.level"), ("info", Some("a=b=c"), "RUST_LOG")] {
        let made = subscriber(&settings(LogFormat::Json, level), rust_log, false, Captured::default());
        let Err(TelemetryError::Level { origin, .. }) = made.map(drop) else {
            panic!("{level}, {rust_log:?}")
        };
        assert_eq!(origin, named);
    }
}

#[test]
fn the_automatic_format_is_text_on_a_terminal_and_json_elsewhere() {
    for (terminal, json) in [(true, false), (false, true)] {
        let log = Captured::default();
        let made = subscriber(&settings(LogFormat::Auto, "info"), None, terminal, log.clone()).expect("a subscriber");
        tracing::subscriber::with_default(made, || tracing::info!(target: "watchword", user = 7, "hello"));
        let text = log.text();
        assert_eq!(text.starts_with('{'), json, "{text}");
        assert!(text.contains("hello") && text.contains("user"), "{text}");
        assert_eq!(log.writes().len(), 1, "a line is one write");
    }
}

#[tokio::test]
async fn a_spawned_task_keeps_the_span_and_its_panic_is_logged() {
    let (log, _guard) = capture(LogFormat::Json, "info", None);
    let span = tracing::info_span!(target: "watchword::http", "request", request_id = "r-2");
    let joined = async {
        spawn("quiet", async { tracing::info!(target: "watchword::actions", "inside") })
            .await
            .expect("the task");
        spawn("loud", async { panic!("on purpose") }).await
    }
    .instrument(span)
    .await;

    assert!(joined.expect_err("it panicked").is_panic());
    let lines = log.lines();
    let [inside, panicked] = lines.as_slice() else {
        panic!("{lines:?}")
    };
    assert_eq!(inside["request_id"], "r-2");
    assert_eq!((&panicked["request_id"], &panicked["task"]), (&json!("r-2"), &json!("loud")));
}
