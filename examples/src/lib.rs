//! What all examples need and none of them is about.

use std::env;
use std::io::{IsTerminal as _, stderr};

use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;
use watchword_events::subscriber::CancellationToken;

/// Said before the cause when NATS does not answer.
pub const NATS_HELP: &str =
    "NATS cannot be reached: start the service with `make run`, or say with NATS_URL where it is";

/// Where NATS is: the environment variable `NATS_URL`, else this machine.
#[must_use]
pub fn nats_url() -> String {
    setting("NATS_URL", "nats://127.0.0.1:4222")
}

/// The environment variable `name`, or `default` when it is empty or not there.
#[must_use]
pub fn setting(name: &str, default: &str) -> String {
    env::var(name)
        .ok()
        .filter(|value| !value.is_empty())
        .unwrap_or_else(|| default.to_owned())
}

/// Shows on standard error what the subscriber kit reports: outages, events that are tried again, dead letters.
/// `RUST_LOG` says what is shown; warnings are without it.
pub fn show_warnings() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(stderr)
        .with_ansi(stderr().is_terminal())
        .init();
}

/// A token that is cancelled by ctrl-c, and by SIGTERM, which is how containers are stopped. Call it inside a
/// tokio runtime.
#[must_use]
pub fn ctrl_c() -> CancellationToken {
    let token = CancellationToken::new();
    // A signal that cannot be waited for keeps the system's own meaning, which is to end the program.
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
