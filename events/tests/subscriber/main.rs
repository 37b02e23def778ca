//! The subscriber kit against a real nats-server.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test stops at the first thing that is not as it should be"
)]

#[path = "../support/logs.rs"]
mod logs;
#[cfg(feature = "postgres-inbox")]
#[path = "../support/postgres.rs"]
mod postgres;
#[path = "../support/mod.rs"]
mod support;

mod batches;
mod crashes;
mod dead_letters;
mod durable;
mod ephemeral;
#[cfg(feature = "postgres-inbox")]
mod inbox;
mod metrics;
mod outages;
mod refusals;
mod rights;
mod traces;

use std::time::Duration;

use async_nats::jetstream::consumer::Info;
use async_nats::jetstream::{Context, consumer::PullConsumer};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinHandle;
use watchword_events::subscriber::{CancellationToken, Durable};
use watchword_events::{Backoff, Delivery, Failure, Received, SubscribeError, Subscriber};

use support::{PATIENCE, STREAM, eventually};

const DURABLE: &str = "test-reader";
const QUICK: Backoff = Backoff {
    first: Duration::from_millis(40),
    longest: Duration::from_millis(200),
};

/// A durable subscriber that waits milliseconds where it would wait seconds.
fn durable() -> Subscriber<Durable> {
    Subscriber::durable(DURABLE).backoff(QUICK)
}

/// A running subscriber whose deliveries come out of a channel.
struct Running {
    seen: UnboundedReceiver<(Received, Delivery)>,
    stop: CancellationToken,
    task: JoinHandle<Result<(), SubscribeError>>,
}

impl Running {
    /// `answer` decides what the handler says; what it got can be read with [`Running::next`].
    async fn start<A>(subscriber: Subscriber<Durable>, url: &str, answer: A) -> Self
    where
        A: Fn(&Received, &Delivery) -> Result<(), Failure> + Send + Sync + 'static,
    {
        let (sender, seen) = unbounded_channel();
        let stop = CancellationToken::new();
        let connected = subscriber.stop_on(stop.clone()).connect(url).await.unwrap();
        let task = tokio::spawn(connected.run(move |received, delivery| {
            let answer = answer(&received, &delivery);
            let _ = sender.send((received, delivery));
            async move { answer }
        }));
        Self { seen, stop, task }
    }

    async fn next(&mut self) -> (Received, Delivery) {
        tokio::time::timeout(PATIENCE, self.seen.recv()).await.unwrap().unwrap()
    }

    async fn next_number(&mut self) -> u128 {
        self.next().await.0.id.as_u128()
    }

    async fn stop(self) {
        self.stop.cancel();
        tokio::time::timeout(PATIENCE, self.task)
            .await
            .unwrap()
            .unwrap()
            .unwrap();
    }
}

async fn consumer_info(context: &Context) -> Option<Info> {
    let consumer: PullConsumer = context.get_consumer_from_stream(DURABLE, STREAM).await.ok()?;
    Some(consumer.cached_info().clone())
}

/// Waits until the server counts everything up to `sequence` as dealt with.
async fn settled(context: &Context, sequence: u64) {
    eventually("the durable's floor", async || {
        let info = consumer_info(context).await?;
        (info.ack_floor.stream_sequence >= sequence && info.num_ack_pending == 0).then_some(())
    })
    .await;
}
