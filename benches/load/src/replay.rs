//! Throughput of `watchword events replay` and `watchword events export`, from PostgreSQL and with
//! the service stopped.

use crate::Outcome;
use crate::ledger;
use crate::report::{Row, note};
use crate::rig::{Rig, Run, Scratch, run};
use crate::stats::{list, median};

const ROUNDS: u32 = 3;
const REPLAYED: u32 = 200_000;
/// A small and a large ledger to export, to compare the memory.
const EXPORTED: [u32; 2] = [REPLAYED, 1_000_000];

pub(crate) async fn measure() -> Outcome<Vec<Row>> {
    let rig = Rig::without_service().await?;
    let scratch = Scratch::named("commands")?;
    ledger::fill(&rig.postgres, 0, u64::from(REPLAYED))?;
    let mut rates = Vec::new();
    for round in 0..ROUNDS {
        let name = format!("bench-{round}");
        let run = run(&rig, &scratch, &["events", "replay", "--name", &name]).await?;
        let copies = copies(&rig, &name).await?;
        if copies != u64::from(REPLAYED) {
            return Err(format!("{copies} copies instead of {REPLAYED}").into());
        }
        rates.push(f64::from(REPLAYED) / run.took.as_secs_f64());
    }
    note(&format!("replayed events/s: {}", list(&rates)));
    let [small, large] = EXPORTED;
    let few = run(&rig, &scratch, &["events", "export", "events.jsonl"]).await?;
    ledger::fill(&rig.postgres, u64::from(small), u64::from(large - small))?;
    let many = run(&rig, &scratch, &["events", "export", "events.jsonl"]).await?;
    Ok(vec![replayed(median(&rates)), exported(&few, &many)])
}

fn replayed(rate: f64) -> Row {
    Row {
        what: "events replay: 200 000 ledger rows into the replays stream on disk, with the start of the process",
        target: "≥ 20 000 events/s",
        measured: format!("{rate:.0} events/s"),
        met: rate >= 20_000.0,
    }
}

fn exported(few: &Run, many: &Run) -> Row {
    let rate = f64::from(EXPORTED[1]) / many.took.as_secs_f64();
    let (few, many) = (few.peak_mib, many.peak_mib);
    Row {
        what: "events export: memory for 1 000 000 events, beside that for 200 000",
        target: "≤ 110 %",
        measured: format!("{:.0} % ({many:.1} of {few:.1} MiB; {rate:.0} events/s)", many / few * 100.0),
        met: many <= few * 1.1,
    }
}

async fn copies(rig: &Rig, name: &str) -> Outcome<u64> {
    let context = async_nats::jetstream::new(async_nats::connect(rig.nats.url()).await?);
    let stream = context.get_stream("auth-events-replays").await?;
    let subject = format!("auth.replay.{name}.>");
    let mut copies = 0;
    let mut subjects = stream.info_with_subjects(subject).await?;
    while let Some(subject) = futures_util::TryStreamExt::try_next(&mut subjects).await? {
        copies += u64::try_from(subject.1)?;
    }
    Ok(copies)
}
