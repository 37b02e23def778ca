//! What partitions of the ledger would bring: the oldest events deleted in steps, as the service
//! does it, and dropped with their partition.

use std::time::Instant;

use crate::Outcome;
use crate::report::{Row, note};
use crate::rig::{Postgres, Rig, Scratch};

/// The events to get rid of, and as many that stay.
const EVENTS: u64 = 500_000;
/// As many as the service deletes at once.
const STEP: u64 = 1000;

/// What it cost.
struct Cost {
    seconds: f64,
    wal_mib: f64,
}

pub(crate) async fn measure() -> Outcome<Vec<Row>> {
    let rig = Rig::without_service().await?;
    let scratch = Scratch::named("partitions")?;
    let postgres = &rig.postgres;
    postgres.sql("CREATE TABLE one (LIKE events INCLUDING ALL)")?;
    // A unique index has to contain the key of the partitions, so ids are only indexed.
    postgres.sql(&format!(
        "CREATE TABLE parts (LIKE events INCLUDING DEFAULTS INCLUDING STORAGE) PARTITION BY RANGE (seq); \
         CREATE TABLE parts_old PARTITION OF parts FOR VALUES FROM (1) TO ({end}); \
         CREATE TABLE parts_new PARTITION OF parts FOR VALUES FROM ({end}) TO ({last}); \
         ALTER TABLE parts ADD PRIMARY KEY (seq); \
         CREATE INDEX ON parts (id); CREATE INDEX ON parts (subject, seq); CREATE INDEX ON parts (user_id, seq); \
         CREATE INDEX ON parts (session_id, seq) WHERE session_id IS NOT NULL; CREATE INDEX ON parts (subject, id); \
         CREATE INDEX ON parts (user_id, id, subject) WHERE user_id IS NOT NULL",
        end = EVENTS + 1,
        last = 2 * EVENTS + 1
    ))?;
    let written = cost(postgres, || fill(postgres, "one", "OVERRIDING SYSTEM VALUE"))?;
    fill(postgres, "parts", "")?;
    note(&format!(
        "{:.0} MiB of WAL and {:.0} s for {} events in one statement, {} with the indexes",
        written.wal_mib,
        written.seconds,
        2 * EVENTS,
        postgres.sql("SELECT pg_size_pretty(pg_total_relation_size('one'))")?
    ));
    let deleted = cost(postgres, || {
        let steps = (0..EVENTS).step_by(usize::try_from(STEP)?);
        let deletes = steps.map(|first| format!("DELETE FROM one WHERE seq > {first} AND seq <= {};\n", first + STEP));
        let script = scratch.path().join("delete.sql");
        std::fs::write(&script, deletes.collect::<String>())?;
        postgres.script(&script)
    })?;
    let vacuumed = cost(postgres, || postgres.sql("VACUUM one"))?;
    let dropped = cost(postgres, || {
        postgres.sql("ALTER TABLE parts DETACH PARTITION parts_old CONCURRENTLY")?;
        postgres.sql("DROP TABLE parts_old")
    })?;
    Ok(vec![
        row("DELETE of 500 000 events in steps of 1000", &deleted),
        row("VACUUM behind it", &vacuumed),
        row("DETACH CONCURRENTLY and DROP of their partition", &dropped),
    ])
}

fn row(what: &'static str, cost: &Cost) -> Row {
    Row {
        what,
        target: "none",
        measured: format!("{:.2} s, {:.1} MiB of WAL", cost.seconds, cost.wal_mib),
        met: true,
    }
}

fn fill(postgres: &Postgres, table: &str, overriding: &str) -> Outcome<String> {
    postgres.sql(&format!(
        "INSERT INTO {table} (seq, id, subject, user_id, user_seq, session_id, schema_version, payload, occurred_at) {overriding} \
         SELECT n, (lpad(to_hex(1780000000000 + n), 12, '0') || '7' || substr(md5(n::text), 1, 3) || '8' || substr(md5(n::text), 4, 15))::uuid, \
           'auth.user.token_refreshed', md5((n % 50000)::text)::uuid, n / 50000, md5((n % 50000)::text)::uuid, 1, \
           convert_to(repeat('x', 620), 'UTF8'), 1780000000000 + n \
         FROM generate_series(1, {}) AS n",
        2 * EVENTS
    ))?;
    postgres.sql(&format!("VACUUM ANALYZE {table}"))?;
    postgres.sql("CHECKPOINT")
}

/// Measures work on the database.
fn cost(postgres: &Postgres, work: impl FnOnce() -> Outcome<String>) -> Outcome<Cost> {
    let before = postgres.sql("SELECT pg_current_wal_lsn()")?;
    let started = Instant::now();
    work()?;
    let seconds = started.elapsed().as_secs_f64();
    let bytes = postgres.number(&format!("SELECT pg_current_wal_lsn() - '{before}'"))?;
    Ok(Cost { seconds, wal_mib: bytes / 1024.0 / 1024.0 })
}
