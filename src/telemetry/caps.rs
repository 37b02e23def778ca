//! A fixed ceiling on what other crates may log.
//!
//! Below `info`, dependencies log what they handle: sqlx its statements, async-nats its server addresses with
//! the passwords in them, h2 the frames it receives, others whatever their next release adds. None of that was
//! written to keep our secrets. So the ceiling is not a default that `RUST_LOG=trace` lifts: it holds whatever
//! is asked for. It names what may be verbose (this project) and not what may not, so that a new dependency is
//! quiet from its first day.

use tracing_subscriber::filter::{LevelFilter, Targets};

/// Start of the names of this project's crates: `watchword`, `watchword_events`, `watchword_migration`.
const OURS: &str = "watchword";

/// The NATS client: it logs every try to reconnect, and what happens is logged by `jetstream` already, once.
const NATS_CLIENT: &str = "async_nats";

/// The ceiling: everything of ours, and `info` and above of everybody else.
#[must_use]
pub fn caps() -> Targets {
    Targets::new()
        .with_default(LevelFilter::INFO)
        .with_target(OURS, LevelFilter::TRACE)
        .with_target(NATS_CLIENT, LevelFilter::ERROR)
}
