//! A fixed ceiling on what other crates may log.
//!
//! Below `info`, dependencies log what they handle: sqlx its statements, async-nats its server
//! addresses with the passwords in them, h2 the frames it receives, others what their next
//! release adds. None of that was written to keep our secrets. So the ceiling is not a default that
//! `RUST_LOG=trace` lifts. It lists what may be verbose (this project) and not what may not, so
//! that a new dependency is quiet from its first day.

use tracing_subscriber::filter::{LevelFilter, Targets};

/// Prefix of this project's crates: `watchword`, `watchword_events`, `watchword_migration`.
const OURS: &str = "watchword";

/// The NATS client logs every attempt to connect; `jetstream` logs why it fails, once.
const NATS_CLIENT: &str = "async_nats";

/// The server says at every start that a table exists already.
const POSTGRES_NOTICES: &str = "sqlx::postgres::notice";

/// The database driver logs lines of a password file that it does not understand. What it says
/// about an address is checked before it sees one.
const DATABASE_ADDRESS: &str = "sqlx_postgres::options";

/// Everything of our crates, and `info` and above of all others.
#[must_use]
pub fn level_ceiling() -> Targets {
    Targets::new()
        .with_default(LevelFilter::INFO)
        .with_target(OURS, LevelFilter::TRACE)
        .with_target(POSTGRES_NOTICES, LevelFilter::WARN)
        .with_target(NATS_CLIENT, LevelFilter::OFF)
        .with_target(DATABASE_ADDRESS, LevelFilter::OFF)
}
