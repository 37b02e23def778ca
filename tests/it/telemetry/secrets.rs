//! Whatever `RUST_LOG` asks for, dependencies do not log what they handle.

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
fn other_crates_stay_at_info_under_any_filter() {
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
        // Of the NATS client errors alone: what else it has to say is logged by `jetstream`.
        assert_eq!(log.lines().len(), 9 * 4 - 2, "{rust_log}: info and above is kept");
    }
}

#[test]
fn our_own_crates_may_be_verbose() {
    let (log, _guard) = capture(LogFormat::Json, "info", Some("trace"));
    tracing::trace!(target: "watchword::relay", "one");
    tracing::trace!(target: "watchword_events::subscriber", "two");
    assert_eq!(log.lines().len(), 2);
}
