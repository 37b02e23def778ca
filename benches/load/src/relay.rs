//! How fast the relay publishes a full ledger from PostgreSQL to a stream on disk.

use std::time::{Duration, Instant};

use crate::Outcome;
use crate::ledger;
use crate::report::{Row, note};
use crate::rig::Rig;
use crate::stats::{list, median};

const ROUNDS: u32 = 3;
const EVENTS: u32 = 200_000;
const TIMEOUT: Duration = Duration::from_secs(300);

pub(crate) async fn measure() -> Outcome<Vec<Row>> {
    let mut rig = Rig::without_service().await?;
    let mut rates = Vec::new();
    for round in 0..ROUNDS {
        ledger::fill(&rig.postgres, u64::from(round * EVENTS), u64::from(EVENTS))?;
        let before = last_sequence(&rig).await?;
        let started = Instant::now();
        rig.start_service().await?;
        // Counts with an index scan that shrinks, which is cheap enough to poll.
        while rig
            .postgres
            .number("SELECT count(*) FROM (SELECT FROM events WHERE published_at IS NULL LIMIT 1) AS one")?
            > 0.0
        {
            if started.elapsed() > TIMEOUT {
                return Err("the ledger is not drained in time".into());
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        let whole = f64::from(EVENTS) / started.elapsed().as_secs_f64();
        let stored = last_sequence(&rig).await? - before;
        if stored != u64::from(EVENTS) {
            return Err(format!("{stored} events in the stream instead of {EVENTS}").into());
        }
        // From the first acknowledgement to the last, without the service's start and its
        // comparison with the stream.
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

async fn last_sequence(rig: &Rig) -> Outcome<u64> {
    let context = async_nats::jetstream::new(async_nats::connect(rig.nats.url()).await?);
    Ok(context.get_stream("auth-events").await?.get_info().await?.state.last_sequence)
}
