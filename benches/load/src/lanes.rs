//! What lanes would bring: the same publishers as in `bare_batches`, one a stream, on one
//! nats-server, and one stream for readers that has all of them as sources. A lane keeps the order
//! of its users, since a user is in one of them.

use std::time::{Duration, Instant};

use async_nats::jetstream::{self, stream};

use crate::Outcome;
use crate::bare_batches::{MESSAGES, Publisher};
use crate::report::{Row, note};
use crate::rig::{Nats, Scratch};
use crate::stats::{list, median};

const ROUNDS: usize = 3;
const LANES: [usize; 3] = [1, 2, 4];
/// The longest that a stream takes messages over.
const SOURCED_FOR: Duration = Duration::from_secs(10);

pub(crate) async fn measure() -> Outcome<Vec<Row>> {
    let scratch = Scratch::new()?;
    let nats = Nats::start(scratch.path()).await?;
    let mut rates = vec![Vec::new(); LANES.len()];
    let mut sourced = Vec::new();
    for _ in 0..ROUNDS {
        for (lanes, rates) in LANES.iter().zip(&mut rates) {
            let names: Vec<String> = (0..*lanes).map(|lane| format!("lane{lane}")).collect();
            rates.push(publish(&nats, &names).await?);
            if Some(lanes) == LANES.last() {
                sourced.push(source(&nats, &names).await?);
            }
            for name in &names {
                Publisher::delete_stream(&nats, name).await?;
            }
        }
    }
    note(&format!("sourced: {} events/s", list(&sourced)));
    for (lanes, rates) in LANES.iter().zip(&rates) {
        note(&format!("{lanes} lanes: {} events/s", list(rates)));
    }
    let medians: Vec<f64> = rates.iter().map(|rates| median(rates)).collect();
    let one = medians.first().copied().unwrap_or_default();
    let best = medians.iter().copied().fold(0.0, f64::max);
    let texts: Vec<String> = medians.iter().map(|rate| format!("{rate:.0}")).collect();
    Ok(vec![
        Row {
            what: "Batches into 1, 2 and 4 streams of one server, one in flight for each",
            target: "none",
            measured: format!("{} events/s ({:.1} ×)", texts.join(" / "), best / one),
            met: true,
        },
        Row {
            what: "A stream that has these 4 as sources",
            target: "none",
            measured: format!("{:.0} events/s", median(&sourced)),
            met: true,
        },
    ])
}

/// Returns the messages that all lanes together publish a second.
async fn publish(nats: &Nats, names: &[String]) -> Outcome<f64> {
    let mut publishers = Vec::new();
    for name in names {
        publishers.push(Publisher::new(nats, name).await?);
    }
    let started = Instant::now();
    let running: Vec<_> = publishers.into_iter().map(|publisher| tokio::spawn(publisher.run())).collect();
    for lane in running {
        lane.await??;
    }
    Ok(f64::from(u32::try_from(names.len() * MESSAGES)?) / started.elapsed().as_secs_f64())
}

/// Returns the messages that a stream takes over from the lanes a second.
async fn source(nats: &Nats, names: &[String]) -> Outcome<f64> {
    let context = jetstream::new(async_nats::connect(nats.url()).await?);
    let of = |name: &String| stream::Source { name: name.clone(), ..Default::default() };
    let config = stream::Config {
        name: "all".to_owned(),
        sources: Some(names.iter().map(of).collect()),
        ..Default::default()
    };
    let all = u64::try_from(names.len() * MESSAGES)?;
    let started = Instant::now();
    let stream = context.create_stream(config).await?;
    let mut taken = 0;
    while taken < all && started.elapsed() < SOURCED_FOR {
        tokio::time::sleep(Duration::from_millis(20)).await;
        taken = stream.get_info().await?.state.messages;
    }
    let took = started.elapsed().as_secs_f64();
    Publisher::delete_stream(nats, "all").await?;
    Ok(f64::from(u32::try_from(taken)?) / took)
}
