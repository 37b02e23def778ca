//! A fixed ceiling on what other crates may log.
//!
//! Below `info`, dependencies log what they handle: hyper and h2 dump header lists (`authorization` included),
//! sqlx and sea-orm statements, async-nats its server addresses with their passwords and its protocol lines,
//! redis its commands, rustls handshakes. None of them was written to keep our secrets. So the ceiling is not
//! a default that `RUST_LOG=trace` lifts: it holds whatever is asked for. It is a list of what may be
//! verbose (this project) and not of what may not, so that a new dependency is quiet from its first day.

use tracing_subscriber::filter::{LevelFilter, Targets};

/// Start of the names of this project's crates: `watchword`, `watchword_events`, `watchword_migration`.
const OURS: &str = "watchword";

/// The ceiling: everything of ours, and `info` and above of everybody else.
#[must_use]
pub fn caps() -> Targets {
    Targets::new()
        .with_default(LevelFilter::INFO)
        .with_target(OURS, LevelFilter::TRACE)
}
