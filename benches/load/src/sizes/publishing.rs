//! Publishing what is added to the ledger, and comparing it with the stream.

use std::time::{Duration, Instant};

use async_nats::jetstream::{self, Context};

use super::{Measure, Unit};
use crate::Outcome;
use crate::report::note;
use crate::rig::{Rig, Scratch, run};
use crate::sizes::world::World;
use crate::stats::percentile;

const ROUNDS: u64 = 5;
const EVENTS: u64 = 20_000;
/// Seldom enough to cost little.
const POLL_INTERVAL: Duration = Duration::from_millis(10);
const TIMEOUT: Duration = Duration::from_secs(120);

pub(super) async fn measure(rig: &Rig, world: &World) -> Outcome<Vec<Measure>> {
    let context = jetstream::new(async_nats::connect(rig.nats.url()).await?);
    let mut rates = Vec::new();
    for round in 0..ROUNDS {
        let first = world.events + round * EVENTS;
        rates.push(drain(rig, &context, &world.insert(first, first + EVENTS)?).await?);
    }
    // The stream has discarded the oldest.
    let messages = context.get_stream("auth-events").await?.get_info().await?.state.messages;
    let run = run(rig, &Scratch::named("verify")?, &["events", "verify"]).await?;
    note(&run.output);
    #[expect(clippy::cast_precision_loss, reason = "some ten thousand messages")]
    let verified = messages as f64 / run.took.as_secs_f64();
    Ok(vec![
        Measure {
            what: "Events drained into the stream",
            value: percentile(&rates, 75.0),
            unit: Unit::Rate,
        },
        Measure {
            what: "Messages compared by `events verify`, with its start",
            value: verified,
            unit: Unit::Rate,
        },
        Measure {
            what: "Highest resident memory of `events verify`",
            value: run.peak_mib,
            unit: Unit::Mebibytes,
        },
    ])
}

/// Adds events, and returns how many of them a second the stream gets: from the first that is seen
/// there to the last.
async fn drain(rig: &Rig, context: &Context, insert: &str) -> Outcome<f64> {
    let before = last_sequence(context).await?;
    rig.postgres.sql(insert)?;
    let inserted = Instant::now();
    let mut first = None;
    loop {
        let stored = last_sequence(context).await?.saturating_sub(before);
        if stored > 0 {
            let (began, begun) = *first.get_or_insert((Instant::now(), stored));
            if stored >= EVENTS {
                let counted = u32::try_from(stored - begun)?;
                return Ok(f64::from(counted) / began.elapsed().as_secs_f64());
            }
        }
        if inserted.elapsed() > TIMEOUT {
            return Err("the events are not drained in time".into());
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

async fn last_sequence(context: &Context) -> Outcome<u64> {
    Ok(context.get_stream("auth-events").await?.get_info().await?.state.last_sequence)
}
