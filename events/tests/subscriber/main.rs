//! The subscriber kit against a real nats-server.
#![expect(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a failed assertion ends a test")]

#[path = "../support/logs.rs"]
mod logs;
#[cfg(feature = "postgres-inbox")]
#[path = "../support/postgres.rs"]
mod postgres;
#[path = "../support/mod.rs"]
mod support;

mod ahead;
mod batches;
mod crashes;
mod dead_letters;
mod durable;
mod ephemeral;
#[cfg(feature = "postgres-inbox")]
mod inbox;
mod metrics;
mod missing_permissions;
mod newer_service;
mod ordered;
mod outages;
mod pauses;
mod permissions;
mod traces;

use std::time::Duration;

use async_nats::jetstream::consumer::Info;
use async_nats::jetstream::{Context, consumer::PullConsumer};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinHandle;
use watchword_events::subscriber::{CancellationToken, Durable};
use watchword_events::{Backoff, DeliveryInfo, HandlerError, ReceivedEvent, SubscribeError, Subscriber};

use support::{STREAM, TEST_TIMEOUT, eventually};

const DURABLE: &str = "test-reader";
const QUICK: Backoff = Backoff {
    initial: Duration::from_millis(40),
    max: Duration::from_millis(200),
};

/// Returns a durable subscriber that waits milliseconds instead of seconds.
fn durable() -> Subscriber<Durable> {
    Subscriber::durable(DURABLE).backoff(QUICK)
}

/// A running subscriber that sends what it receives to a channel.
struct Running<T = (ReceivedEvent, DeliveryInfo)> {
    seen: UnboundedReceiver<T>,
    stop: CancellationToken,
    task: JoinHandle<Result<(), SubscribeError>>,
}

impl Running {
    /// Starts a subscriber whose handler returns `answer`. [`Running::next`] returns its
    /// deliveries.
    async fn start<A>(subscriber: Subscriber<Durable>, url: &str, answer: A) -> Self
    where
        A: Fn(&ReceivedEvent, &DeliveryInfo) -> Result<(), HandlerError> + Send + Sync + 'static,
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

    async fn next_number(&mut self) -> u128 {
        self.next().await.0.id.as_u128()
    }
}

impl<T> Running<T> {
    async fn next(&mut self) -> T {
        soon(self.seen.recv()).await.unwrap()
    }

    /// Returns what was received and not asked for.
    async fn stop(self) -> UnboundedReceiver<T> {
        self.stop.cancel();
        soon(self.task).await.unwrap().unwrap();
        self.seen
    }
}

/// Waits for what is ready soon.
async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(TEST_TIMEOUT, future).await.unwrap()
}

async fn consumer_info(context: &Context) -> Option<Info> {
    let consumer: PullConsumer = context.get_consumer_from_stream(DURABLE, STREAM).await.ok()?;
    Some(consumer.cached_info().clone())
}

/// Waits until everything up to `sequence` is settled at the server.
async fn settled(context: &Context, sequence: u64) {
    eventually("the durable's ack floor", async || {
        let info = consumer_info(context).await?;
        (info.ack_floor.stream_sequence >= sequence && info.num_ack_pending == 0).then_some(())
    })
    .await;
}
