//! What the examples share: settings, logging and shutdown.

use std::env;
use std::io::{IsTerminal as _, stderr};

use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;
use watchword_events::subscriber::CancellationToken;

/// The error message when NATS is unreachable, before its cause.
pub const NATS_HELP: &str = "cannot reach NATS: start the service with `make run`, or set NATS_URL";

/// Returns the environment variable `NATS_URL`, or the default port on this machine.
#[must_use]
pub fn nats_url() -> String {
    setting("NATS_URL", "nats://127.0.0.1:4222")
}

/// Returns the environment variable `name`, or `default` if it is empty or unset.
#[must_use]
pub fn setting(name: &str, default: &str) -> String {
    env::var(name)
        .ok()
        .filter(|value| !value.is_empty())
        .unwrap_or_else(|| default.to_owned())
}

/// Logs to standard error what the subscriber kit reports: outages, retried events and dead
/// letters. `RUST_LOG` sets the level; the default is `warn`.
pub fn init_logging() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(stderr)
        .with_ansi(stderr().is_terminal())
        .init();
}

/// Returns a token that ctrl-c cancels, and SIGTERM, with which containers are stopped. Call it
/// inside a tokio runtime.
#[must_use]
pub fn ctrl_c() -> CancellationToken {
    let token = CancellationToken::new();
    // A signal without a handler keeps its default action, which ends the program.
    for kind in [SignalKind::interrupt(), SignalKind::terminate()] {
        if let Ok(mut signal) = signal(kind) {
            let stop = token.clone();
            tokio::spawn(async move {
                signal.recv().await;
                stop.cancel();
            });
        }
    }
    token
}
