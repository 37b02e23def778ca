//! How fast the relay drains a full ledger from PostgreSQL into the stream on disk.

use std::time::{Duration, Instant};

use watchword_events::EventKind;

use crate::Outcome;
use crate::report::{Row, note};
use crate::rig::Rig;
use crate::stats::{list, median};

const ROUNDS: u32 = 3;
const EVENTS: u32 = 200_000;
/// Users that the events are about.
const USERS: u32 = 5_000;
const DEADLINE: Duration = Duration::from_secs(300);

pub(crate) async fn measure() -> Outcome<Vec<Row>> {
    let mut rig = Rig::without_service().await?;
    let mut rates = Vec::new();
    for round in 0..ROUNDS {
        fill(&rig, round)?;
        let before = last_sequence(&rig).await?;
        let started = Instant::now();
        rig.start_service().await?;
        // The counter of an index scan that shrinks: cheap enough to ask for while the relay works.
        while rig
            .postgres
            .number("SELECT count(*) FROM (SELECT FROM events WHERE published_at IS NULL LIMIT 1) AS one")?
            > 0.0
        {
            if started.elapsed() > DEADLINE {
                return Err("the ledger is not drained in time".into());
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        let whole = f64::from(EVENTS) / started.elapsed().as_secs_f64();
        let stored = last_sequence(&rig).await? - before;
        if stored != u64::from(EVENTS) {
            return Err(format!("{stored} events in the stream instead of {EVENTS}").into());
        }
        // From the first acknowledgement to the last: without the start of the service and the comparison with the stream.
        let span = rig
            .postgres
            .number("SELECT (max(published_at) - min(published_at)) / 1000.0 FROM events")?;
        let rate = f64::from(EVENTS) / span;
        note(&format!(
            "{rate:.0} events/s while draining; {whole:.0} events/s from the start of the process"
        ));
        rates.push(rate);
        rig.stop_service().await?;
        rig.postgres.sql("TRUNCATE events")?;
    }
    note(&format!("events/s: {}", list(&rates)));
    let rate = median(&rates);
    Ok(vec![Row {
        what: "Relay: 200 000 ledger rows into the stream on disk (sync_interval always)",
        target: "≥ 20 000 events/s",
        measured: format!("{rate:.0} events/s"),
        met: rate >= 20_000.0,
    }])
}

/// Fills the ledger with logins, as large as real ones.
fn fill(rig: &Rig, round: u32) -> Outcome<()> {
    let event = EventKind::LoggedIn.definition().example();
    let body = String::from_utf8(event.to_json()?)?;
    let user = event.user.map(|user| user.id.to_string()).unwrap_or_default();
    let (id, body) = (event.id.to_string(), body.replace('\'', "''"));
    // Ids that rise as those of the service do, never twice the same.
    let first = 1_780_000_000_000 + u64::from(round) * u64::from(EVENTS);
    rig.postgres.sql(&format!(
        "WITH rows AS (\
           SELECT md5(n::text) AS random, lpad(to_hex({first} + n), 12, '0') AS time, md5((n % {USERS})::text)::uuid AS user_id, n \
           FROM generate_series(1, {EVENTS}) AS n), \
         identified AS (\
           SELECT (time || '7' || substr(random, 1, 3) || '8' || substr(random, 4, 15))::uuid AS id, user_id, n FROM rows) \
         INSERT INTO events (id, subject, user_id, user_seq, schema_version, payload, traceparent, occurred_at) \
         SELECT id, 'auth.user.logged_in', user_id, 1 + n / {USERS}, 1, \
           convert_to(replace(replace('{body}', '{id}', id::text), '{user}', user_id::text), 'UTF8'), \
           '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01', (extract(epoch FROM clock_timestamp()) * 1000)::bigint \
         FROM identified ORDER BY n"
    ))?;
    rig.postgres.sql("VACUUM ANALYZE events")?;
    rig.postgres.sql("CHECKPOINT")?;
    Ok(())
}

async fn last_sequence(rig: &Rig) -> Outcome<u64> {
    let context = async_nats::jetstream::new(async_nats::connect(rig.nats.url()).await?);
    Ok(context
        .get_stream("auth-events")
        .await?
        .get_info()
        .await?
        .state
        .last_sequence)
}
