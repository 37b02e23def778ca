//! Two times of one clock: PostgreSQL's commit of a refresh, and now.

use std::collections::HashMap;
use std::time::UNIX_EPOCH;

use crate::Outcome;
use crate::rig::Postgres;

/// Returns when each user's only refresh was committed, in milliseconds since 1970, by the user's
/// id. No later transaction has changed the user's row, so its transaction is the refresh's.
/// PostgreSQL takes the time just before the commit is flushed.
pub(crate) fn refreshed_at(postgres: &Postgres) -> Outcome<HashMap<String, f64>> {
    let commits = postgres.sql(
        "SELECT id || ' ' || extract(epoch FROM pg_xact_commit_timestamp(xmin)) * 1000 FROM users WHERE event_seq = 2",
    )?;
    let mut times = HashMap::new();
    for line in commits.lines() {
        let (id, committed) = line.split_once(' ').ok_or("no commit time")?;
        times.insert(id.to_owned(), committed.parse()?);
    }
    Ok(times)
}

/// Returns the time in milliseconds since 1970.
#[expect(clippy::disallowed_methods, reason = "compared with the time that PostgreSQL read from the same clock")]
pub(crate) fn now_ms() -> f64 {
    std::time::SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0.0, |since| since.as_secs_f64() * 1000.0)
}
