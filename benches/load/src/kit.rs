//! Throughput of the subscriber kit against a bare async-nats pull loop, with the same confirmed
//! acknowledgements.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use async_nats::HeaderMap;
use async_nats::jetstream::consumer::{PullConsumer, pull};
use async_nats::jetstream::{self, Context, stream};
use futures_util::{StreamExt as _, TryStreamExt as _};
use watchword_events::headers::{MESSAGE_ID, for_event};
use watchword_events::subscriber::{BatchLimits, CancellationToken};
use watchword_events::{EventKind, Subscriber, example, schema};

use crate::Outcome;
use crate::report::{Row, note};
use crate::rig::{Nats, Scratch};
use crate::stats::{list, median};

const ROUNDS: u32 = 5;
const EVENTS: u32 = 30_000;
const STREAM: &str = "auth-events";
const TIMEOUT: Duration = Duration::from_secs(120);
/// How many handlers or acknowledgements run at once.
const MANY: usize = 32;

pub(crate) async fn measure() -> Outcome<Vec<Row>> {
    let scratch = Scratch::new()?;
    let nats = Nats::start(scratch.path()).await?;
    fill(&nats).await?;
    let one = compare(&nats, 1).await?;
    let many = compare(&nats, MANY).await?;
    let batches = [
        run_batches(&nats, "batches-warm").await?,
        run_batches(&nats, "batches").await?,
    ];
    note(&format!("batches of 500: {} events/s", list(&batches)));
    Ok(vec![
        row("Subscriber kit, one event at a time / bare pull loop with the same acknowledgements", one),
        row(
            "Subscriber kit, 32 events at a time / bare pull loop with the same acknowledgements",
            many,
        ),
    ])
}

fn row(what: &'static str, (kit, bare): (f64, f64)) -> Row {
    let share = kit / bare * 100.0;
    Row {
        what,
        target: "≥ 70 %",
        measured: format!("{share:.0} % ({kit:.0} of {bare:.0} a second)"),
        met: share >= 70.0,
    }
}

/// Returns the events per second of the kit and of the bare loop, measured in turns.
async fn compare(nats: &Nats, at_once: usize) -> Outcome<(f64, f64)> {
    let (mut kit, mut bare) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        bare.push(run_bare(nats, at_once, &format!("bare-{at_once}-{round}")).await?);
        kit.push(run_kit(nats, at_once, &format!("kit-{at_once}-{round}")).await?);
    }
    note(&format!("{at_once} at a time: kit {} bare {} events/s", list(&kit), list(&bare)));
    Ok((median(&kit), median(&bare)))
}

/// Creates the stream, and publishes logins as the service does.
async fn fill(nats: &Nats) -> Outcome<()> {
    let context = context(nats).await?;
    let config = stream::Config {
        name: STREAM.to_owned(),
        subjects: vec!["auth.user.*".to_owned()],
        ..Default::default()
    };
    context.create_stream(config).await?;
    let event = example::of(EventKind::LoggedIn);
    let body = event.to_json()?;
    let mut headers = HeaderMap::new();
    for (name, value) in for_event(&event, "https://auth.example.com", schema::BASE_URL) {
        // With it, the stream would drop all copies but one.
        if name != MESSAGE_ID {
            headers.insert(name, value);
        }
    }
    let mut acks = Vec::new();
    for number in 1..=EVENTS {
        let sent =
            context.publish_with_headers(event.event.subject().into_owned(), headers.clone(), body.clone().into());
        acks.push(sent.await?);
        if number % 500 == 0 {
            for ack in acks.drain(..) {
                ack.await?;
            }
        }
    }
    Ok(())
}

async fn run_bare(nats: &Nats, at_once: usize, durable: &str) -> Outcome<f64> {
    let consumer = make_durable(nats, durable).await?;
    let messages = consumer.messages().await?.take(EVENTS as usize);
    let started = Instant::now();
    let reading = messages.map_err(async_nats::Error::from);
    if at_once == 1 {
        reading.try_for_each(|message| async move { message.double_ack().await }).await?;
    } else {
        let acks = reading.try_for_each_concurrent(at_once, |message| async move { message.double_ack().await });
        acks.await?;
    }
    let took = started.elapsed();
    is_done(&consumer, took).await
}

async fn run_kit(nats: &Nats, at_once: usize, durable: &str) -> Outcome<f64> {
    let consumer = make_durable(nats, durable).await?;
    let stop = CancellationToken::new();
    let subscriber = Subscriber::durable(durable).concurrency(at_once).stop_on(stop.clone());
    let connected = subscriber.connect(&nats.url()).await?;
    let seen = Arc::new(AtomicU32::new(0));
    let started = Instant::now();
    let running = connected.run(move |_, _| {
        if seen.fetch_add(1, Ordering::Relaxed) + 1 == EVENTS {
            stop.cancel();
        }
        async { Ok(()) }
    });
    tokio::time::timeout(TIMEOUT, running).await??;
    let took = started.elapsed();
    is_done(&consumer, took).await
}

async fn run_batches(nats: &Nats, durable: &str) -> Outcome<f64> {
    let consumer = make_durable(nats, durable).await?;
    let stop = CancellationToken::new();
    let connected = Subscriber::durable(durable).stop_on(stop.clone()).connect(&nats.url()).await?;
    let seen = Arc::new(AtomicU32::new(0));
    let started = Instant::now();
    let running = connected.run_batches(BatchLimits::default(), move |events| {
        let count = u32::try_from(events.len()).unwrap_or_default();
        if seen.fetch_add(count, Ordering::Relaxed) + count >= EVENTS {
            stop.cancel();
        }
        async { Ok(()) }
    });
    tokio::time::timeout(TIMEOUT, running).await??;
    let took = started.elapsed();
    is_done(&consumer, took).await
}

/// Creates a durable; each side gets its own, with the same settings.
async fn make_durable(nats: &Nats, name: &str) -> Outcome<PullConsumer> {
    let config = pull::Config {
        durable_name: Some(name.to_owned()),
        max_deliver: 6,
        max_ack_pending: 1024,
        ..Default::default()
    };
    Ok(context(nats).await?.create_consumer_on_stream(config, STREAM).await?)
}

/// Returns the events per second, if the server has all acknowledged and each delivered once.
async fn is_done(consumer: &PullConsumer, took: Duration) -> Outcome<f64> {
    let info = consumer.get_info().await?;
    let counts = (info.ack_floor.stream_sequence, info.delivered.consumer_sequence);
    if counts != (u64::from(EVENTS), u64::from(EVENTS)) {
        return Err(format!("acknowledged and delivered {counts:?} instead of {EVENTS}").into());
    }
    Ok(f64::from(EVENTS) / took.as_secs_f64())
}

async fn context(nats: &Nats) -> Outcome<Context> {
    Ok(jetstream::new(async_nats::connect(nats.url()).await?))
}
