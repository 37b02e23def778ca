//! From the start of the process until it answers, and until it has found its place in ledger and
//! stream and publishes.

use std::time::Instant;

use super::{Measure, Unit};
use crate::Outcome;
use crate::rig::Rig;
use crate::sizes::world::World;
use crate::stats::lower_quartile;

const STARTS: usize = 5;

pub(super) async fn measure(rig: &mut Rig, _: &World) -> Outcome<Vec<Measure>> {
    let (mut ready, mut flowing) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        let started = Instant::now();
        ready.push(rig.start_service().await?.as_secs_f64() * 1000.0);
        flowing.push(started.elapsed().as_secs_f64() * 1000.0);
        rig.stop_service().await?;
    }
    Ok(vec![
        Measure {
            what: "Start of the process → ready",
            value: lower_quartile(&ready),
            unit: Unit::Millis,
        },
        Measure {
            what: "Start of the process → place found, publishing",
            value: lower_quartile(&flowing),
            unit: Unit::Millis,
        },
    ])
}
