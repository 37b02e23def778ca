//! Whatever `RUST_LOG` asks for, dependencies do not log what they handle.

use sqlx::{Connection as _, SqliteConnection};
use tracing::Level;
use watchword::config::LogFormat;

use super::support::capture;

const CANARY: &str = "canary-8e1d7c";

/// An event at every level from `$target`.
macro_rules! say {
    ($target:literal) => {
        tracing::error!(target: $target, level = %Level::ERROR);
        tracing::warn!(target: $target, level = %Level::WARN);
        tracing::info!(target: $target, level = %Level::INFO);
        tracing::debug!(target: $target, authorization = CANARY);
        tracing::trace!(target: $target, authorization = CANARY);
        tracing::trace_span!(target: $target, "frame", authorization = CANARY)
            .in_scope(|| tracing::error!(target: $target, level = "in a span"));
    };
}

#[test]
fn other_crates_stay_at_info_even_when_everything_is_asked_for() {
    for rust_log in [
        "trace",
        "trace,hyper=trace,sqlx=trace",
        "hyper=trace,h2=trace,async_nats=trace,other=trace,info",
    ] {
        let (log, _guard) = capture(LogFormat::Json, "info", Some(rust_log));
        say!("hyper::proto::h1");
        say!("h2::codec");
        say!("sqlx::query");
        say!("sea_orm::driver");
        say!("rustls::client");
        say!("redis::aio");
        say!("async_nats::connector");
        say!("poem::route");
        say!("other_crate");
        assert!(!log.text().contains(CANARY), "{rust_log}: {}", log.text());
        assert_eq!(log.lines().len(), 9 * 4, "{rust_log}: info and above is kept");
    }
}

#[test]
fn our_own_crates_may_be_verbose() {
    let (log, _guard) = capture(LogFormat::Json, "info", Some("trace"));
    tracing::trace!(target: "watchword::relay", "one");
    tracing::trace!(target: "watchword_events::subscriber", "two");
    assert_eq!(log.lines().len(), 2);
}

#[tokio::test]
async fn real_http_and_sql_leave_no_secret_in_the_log() {
    let (log, _guard) = capture(LogFormat::Json, "info", Some("trace"));
    // What runs on this thread is captured, the server's side included.
    let metrics = watchword::telemetry::Metrics::new().expect("metrics");
    let settings = watchword::config::MetricsSettings {
        enabled: true,
        listen: ([127, 0, 0, 1], 0).into(),
    };
    let server = watchword::telemetry::MetricsServer::bind(&settings)
        .await
        .expect("a port")
        .expect("enabled");
    let url = format!("http://{}/metrics?token={CANARY}", server.address());
    tokio::spawn(server.run(metrics, tokio_util::sync::CancellationToken::new()));
    let answer = reqwest::Client::new()
        .get(url)
        .bearer_auth(CANARY)
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), 200);

    let mut connection = SqliteConnection::connect("sqlite::memory:").await.expect("a database");
    let stored: String = sqlx::query_scalar(sqlx::AssertSqlSafe(format!("SELECT '{CANARY}' || ?")))
        .bind(CANARY)
        .fetch_one(&mut connection)
        .await
        .expect("a row");
    assert!(stored.contains(CANARY));
    tracing::trace!(target: "watchword", "the log works");

    let text = log.text();
    assert!(text.contains("the log works") && !text.contains(CANARY), "{text}");
}
