//! Fills the ledger with generated events.

use watchword_events::{EventKind, example};

use crate::Outcome;
use crate::rig::Postgres;

/// The number of users of the events.
const USERS: u32 = 5_000;

/// Adds `events` unpublished logins of realistic size to the ledger. `first` is the number of the
/// first; numbers must be unique.
pub(crate) fn fill(postgres: &Postgres, first: u64, events: u64) -> Outcome<()> {
    let event = example::of(EventKind::LoggedIn);
    let body = String::from_utf8(event.to_json()?)?;
    let user = event.user.map(|user| user.id.to_string()).unwrap_or_default();
    let (id, body) = (event.id.to_string(), body.replace('\'', "''"));
    // Ids that increase like those of the service.
    let first = 1_780_000_000_000 + first;
    postgres.sql(&format!(
        "WITH rows AS (\
           SELECT md5(n::text) AS random, lpad(to_hex({first} + n), 12, '0') AS time, md5((n % {USERS})::text)::uuid AS user_id, n \
           FROM generate_series(1, {events}) AS n), \
         identified AS (\
           SELECT (time || '7' || substr(random, 1, 3) || '8' || substr(random, 4, 15))::uuid AS id, user_id, n FROM rows) \
         INSERT INTO events (id, subject, user_id, user_seq, schema_version, payload, traceparent, occurred_at) \
         SELECT id, 'auth.user.logged_in', user_id, 1 + n / {USERS}, 1, \
           convert_to(replace(replace('{body}', '{id}', id::text), '{user}', user_id::text), 'UTF8'), \
           '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01', (extract(epoch FROM clock_timestamp()) * 1000)::bigint \
         FROM identified ORDER BY n"
    ))?;
    postgres.sql("VACUUM ANALYZE events")?;
    postgres.sql("CHECKPOINT")?;
    Ok(())
}
