//! What grows with the data: the same work with ledgers of different sizes, each compared with the
//! smallest one.
//!
//! The events stand 256 ms apart in every ledger, so that an hour holds as many of them, and each
//! user has ten, or thirty where there are a million users. Of repeated measurements the better
//! quartile counts, since the machine may do other work. `WATCHWORD_BENCH_EVENTS="10000 1000000
//! 30000000"` is the whole measurement; 30 million events need 40 GB of disk.

mod jobs;
mod pages;
mod publishing;
mod sessions;
mod start;
mod world;

use crate::Outcome;
use crate::report::{Row, note};
use crate::rig::Rig;
use crate::sizes::world::World;

const SIZES_VARIABLE: &str = "WATCHWORD_BENCH_EVENTS";
const SIZES: &str = "10000 1000000";
/// How many times as long as with the smallest ledger something may take.
const TARGET: f64 = 1.5;

/// A result for one ledger.
struct Measure {
    what: &'static str,
    value: f64,
    unit: Unit,
}

/// What a value is, and which one is better.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Millis,
    Mebibytes,
    /// Something per second: more is better.
    Rate,
}

impl Unit {
    const fn name(self) -> &'static str {
        match self {
            Self::Millis => "ms",
            Self::Mebibytes => "MiB",
            Self::Rate => "a second",
        }
    }

    /// How many times as bad `value` is as `base`.
    fn growth(self, base: f64, value: f64) -> f64 {
        match self {
            Self::Rate => base / value,
            Self::Millis | Self::Mebibytes => value / base,
        }
    }

    fn text(self, value: f64) -> String {
        if self == Self::Rate || value >= 100.0 {
            format!("{value:.0}")
        } else {
            format!("{value:.1}")
        }
    }
}

pub(crate) async fn measure() -> Outcome<Vec<Row>> {
    let sizes = std::env::var(SIZES_VARIABLE).unwrap_or_else(|_| SIZES.to_owned());
    let mut columns: Vec<Vec<Measure>> = Vec::new();
    for size in sizes.split_whitespace() {
        note(&format!("-- {size} events"));
        columns.push(with_ledger(size.parse()?).await?);
    }
    let Some((base, larger)) = columns.split_first() else {
        return Err(format!("{SIZES_VARIABLE} names no size").into());
    };
    Ok(base.iter().enumerate().map(|(at, base)| row(base, larger, at)).collect())
}

/// Measures everything with one ledger.
async fn with_ledger(events: u64) -> Outcome<Vec<Measure>> {
    let mut rig = Rig::without_service().await?;
    let world = World::fill(&rig, events).await?;
    let mut all = noted(start::measure(&mut rig, &world).await?);
    all.extend(noted(jobs::measure(&mut rig, &world).await?));
    all.extend(noted(pages::measure(&rig, &world).await?));
    all.extend(noted(publishing::measure(&rig, &world).await?));
    all.extend(noted(sessions::measure(&rig, &world).await?));
    let pruned = jobs::prune(&rig).await?;
    let memory = Measure {
        what: "Highest resident memory of the service",
        value: rig.service()?.peak_mib()?,
        unit: Unit::Mebibytes,
    };
    all.extend(noted(vec![pruned, memory]));
    rig.stop_service().await?;
    Ok(all)
}

fn noted(measures: Vec<Measure>) -> Vec<Measure> {
    for Measure { what, value, unit } in &measures {
        note(&format!("{what}: {} {}", unit.text(*value), unit.name()));
    }
    measures
}

fn row(base: &Measure, larger: &[Vec<Measure>], at: usize) -> Row {
    let values: Vec<f64> = larger.iter().filter_map(|column| column.get(at)).map(|measure| measure.value).collect();
    let texts: Vec<String> = std::iter::once(&base.value).chain(&values).map(|value| base.unit.text(*value)).collect();
    let growth = values.iter().map(|value| base.unit.growth(base.value, *value)).fold(0.0, f64::max);
    Row {
        what: base.what,
        target: "≤ 1.5 × the smallest ledger",
        measured: format!("{} {} ({growth:.1} ×)", texts.join(" / "), base.unit.name()),
        met: growth <= TARGET,
    }
}
