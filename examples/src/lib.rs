//! What all examples need and none of them is about.

use std::env;

use watchword_events::subscriber::CancellationToken;

/// Where NATS is: the environment variable `NATS_URL`, else this machine.
#[must_use]
pub fn nats_url() -> String {
    env::var("NATS_URL").unwrap_or_else(|_| "nats://127.0.0.1:4222".to_owned())
}

/// A token that is cancelled by ctrl-c. Call it inside a tokio runtime.
#[must_use]
pub fn ctrl_c() -> CancellationToken {
    let token = CancellationToken::new();
    let pressed = token.clone();
    tokio::spawn(async move {
        // When the signal cannot be waited for, the system's default remains: ctrl-c ends the program.
        if tokio::signal::ctrl_c().await.is_ok() {
            pressed.cancel();
        }
    });
    token
}
