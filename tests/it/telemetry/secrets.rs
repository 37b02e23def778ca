//! Dependencies do not log secrets at any setting of `RUST_LOG`.

use tracing::Level;
use watchword::config::LogFormat;

use super::support::capture;

const CANARY: &str = "canary-8e1d7c";

/// Logs an event at every level, with `$target`.
macro_rules! log_all_levels {
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
fn other_crates_stay_at_info_under_any_filter() {
    for rust_log in [
        "trace",
        "trace,hyper=trace,sqlx=trace",
        "hyper=trace,h2=trace,async_nats=trace,other=trace,info",
    ] {
        let (log, _guard) = capture(LogFormat::Json, "info", Some(rust_log));
        log_all_levels!("hyper::proto::h1");
        log_all_levels!("h2::codec");
        log_all_levels!("sqlx::query");
        log_all_levels!("sea_orm::driver");
        log_all_levels!("rustls::client");
        log_all_levels!("redis::aio");
        log_all_levels!("async_nats::connector");
        log_all_levels!("poem::route");
        log_all_levels!("other_crate");
        assert!(!log.text().contains(CANARY), "{rust_log}: {}", log.text());
        // Of the NATS client nothing is logged. `jetstream` logs its events.
        assert_eq!(log.lines().len(), 8 * 4, "{rust_log}: info and above are logged");
    }
}

#[test]
fn the_projects_crates_may_be_verbose() {
    let (log, _guard) = capture(LogFormat::Json, "info", Some("trace"));
    tracing::trace!(target: "watchword::relay", "one");
    tracing::trace!(target: "watchword_events::subscriber", "two");
    assert_eq!(log.lines().len(), 2);
}
