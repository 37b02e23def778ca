//! How fast the relay publishes a full ledger from PostgreSQL to a stream on disk.

use std::time::{Duration, Instant};

use async_nats::jetstream::{self, Context};

use crate::Outcome;
use crate::bare_batches;
use crate::ledger;
use crate::report::{Row, note};
use crate::rig::Rig;
use crate::stats::{list, median};

const ROUNDS: u32 = 3;
const EVENTS: u32 = 200_000;
/// Seldom enough to cost nothing.
const POLL_INTERVAL: Duration = Duration::from_millis(50);
const TIMEOUT: Duration = Duration::from_secs(300);

pub(crate) async fn measure() -> Outcome<Vec<Row>> {
    let mut rig = Rig::without_service().await?;
    let (mut rates, mut bare) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        bare.push(bare_batches::measure(&rig.nats).await?);
        ledger::fill(&rig.postgres, u64::from(round * EVENTS), u64::from(EVENTS))?;
        let context = jetstream::new(async_nats::connect(rig.nats.url()).await?);
        let before = last_sequence(&context).await?;
        let started = Instant::now();
        rig.start_service().await?;
        let mut first = None;
        let mut stored = 0;
        while stored < u64::from(EVENTS) {
            if started.elapsed() > TIMEOUT {
                return Err("the ledger is not drained in time".into());
            }
            tokio::time::sleep(POLL_INTERVAL).await;
            stored = last_sequence(&context).await?.saturating_sub(before);
            if stored > 0 {
                first.get_or_insert((Instant::now(), stored));
            }
        }
        let (began, begun) = first.ok_or("nothing was stored")?;
        let span = began.elapsed().as_secs_f64();
        let whole = f64::from(EVENTS) / started.elapsed().as_secs_f64();
        if stored != u64::from(EVENTS) {
            return Err(format!("{stored} events in the stream instead of {EVENTS}").into());
        }
        // From the first acknowledgement seen to the last, without the service's start.
        let counted = u32::try_from(stored - begun).unwrap_or(u32::MAX);
        let rate = f64::from(counted) / span;
        note(&format!(
            "{rate:.0} events/s while draining; {whole:.0} events/s from the start of the process"
        ));
        rates.push(rate);
        rig.stop_service().await?;
        rig.postgres.sql("TRUNCATE events")?;
    }
    note(&format!("relay: {} bare batches: {} events/s", list(&rates), list(&bare)));
    let (rate, limit) = (median(&rates), median(&bare));
    let share = rate / limit * 100.0;
    Ok(vec![
        Row {
            what: "Relay: 200 000 ledger rows into the stream on disk (sync_interval always)",
            target: "≥ 50 000 events/s",
            measured: format!("{rate:.0} events/s"),
            met: rate >= 50_000.0,
        },
        Row {
            what: "Relay / finished messages in batches from a bare client, one in flight",
            target: "≥ 70 %",
            measured: format!("{share:.0} % ({rate:.0} of {limit:.0} a second)"),
            met: share >= 70.0,
        },
    ])
}

async fn last_sequence(context: &Context) -> Outcome<u64> {
    Ok(context.get_stream("auth-events").await?.get_info().await?.state.last_sequence)
}
