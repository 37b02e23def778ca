//! Everything fails for longer than all attempts of an event take.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_nats::jetstream::stream::Stream;
use async_nats::jetstream::{self, Context};
use tokio::task::JoinHandle;
use watchword_events::subscriber::{BatchLimits, CancellationToken, Connected, Durable};
use watchword_events::{EventKind, HandlerError, ReceivedEvent, SubscribeError, Subscriber};

use super::logs::Logs;
use super::support::{NatsServer, create_stream, event, eventually, publish};
use super::{consumer_info, durable, settled, soon};

const EVENTS: u64 = 12;
/// With the pauses of the tests, all attempts take less than a second.
const ATTEMPTS: u32 = 3;
/// How often handlers fail before the outage is over: that takes several seconds.
const FAILURES: usize = 30;

/// What the handlers of a test write to, which can be away.
#[derive(Clone, Default)]
struct Sink(Arc<State>);

#[derive(Default)]
struct State {
    is_back: AtomicBool,
    failures: AtomicUsize,
    written: Mutex<Vec<u128>>,
}

impl Sink {
    fn write(&self, events: &[ReceivedEvent]) -> Result<(), HandlerError> {
        if !self.0.is_back.load(Ordering::SeqCst) {
            self.0.failures.fetch_add(1, Ordering::SeqCst);
            return Err(HandlerError::retry("connection refused"));
        }
        let numbers = events.iter().map(|received| received.id.as_u128());
        self.0.written.lock().unwrap().extend(numbers);
        Ok(())
    }

    async fn has_failed_long_enough(&self) {
        eventually("the handlers have failed often", async || {
            (self.0.failures.load(Ordering::SeqCst) >= FAILURES).then_some(())
        })
        .await;
    }

    /// What was written, in order.
    fn written(&self) -> Vec<u128> {
        let mut written = self.0.written.lock().unwrap().clone();
        written.sort_unstable();
        written
    }
}

async fn dead_letter_stream(context: &Context) -> Stream {
    let config = jetstream::stream::Config {
        name: "auth-events-dlq".to_owned(),
        subjects: vec![
            "auth.dlq.*".to_owned(),
            "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.>".to_owned(),
        ],
        ..Default::default()
    };
    context.create_stream(config).await.unwrap()
}

async fn connect(subscriber: Subscriber<Durable>, server: &NatsServer) -> (Connected<Durable>, CancellationToken) {
    let stop = CancellationToken::new();
    let subscriber = subscriber.max_deliver(ATTEMPTS).stop_on(stop.clone());
    (subscriber.connect(&server.url()).await.unwrap(), stop)
}

/// Lets the sink fail for long, and checks that every event is written afterwards.
async fn assert_nothing_is_given_up<S>(start: S)
where
    S: AsyncFnOnce(&NatsServer, Sink) -> (JoinHandle<Result<(), SubscribeError>>, CancellationToken),
{
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    create_stream(&context).await;
    let mut dead = dead_letter_stream(&context).await;
    for number in 1..=EVENTS {
        publish(&context, &event(EventKind::LoggedIn, number.into())).await;
    }
    let sink = Sink::default();
    let (task, stop) = start(&server, sink.clone()).await;
    sink.has_failed_long_enough().await;
    let deliveries = consumer_info(&context).await.unwrap().delivered.consumer_sequence;
    assert!(deliveries <= 2 * EVENTS, "{deliveries} deliveries: kept events use no attempts");
    sink.0.is_back.store(true, Ordering::SeqCst);
    settled(&context, EVENTS).await;
    assert_eq!(sink.written(), (1..=u128::from(EVENTS)).collect::<Vec<_>>());
    assert_eq!(dead.info().await.unwrap().state.messages, 0, "dead letters or advisories");
    stop.cancel();
    soon(task).await.unwrap().unwrap();
}

#[tokio::test]
async fn an_outage_makes_no_dead_letters_and_is_reported() {
    let logs = Logs::capture();
    assert_nothing_is_given_up(async |server, sink| {
        let (connected, stop) = connect(durable(), server).await;
        let task = connected.run(move |received, _| {
            let written = sink.write(&[received]);
            async move { written }
        });
        (tokio::spawn(task), stop)
    })
    .await;
    logs.line(&["ERROR", "all events fail; the subscriber pauses", "connection refused"])
        .await;
    logs.line(&["INFO", "an event was handled; the subscriber goes on"]).await;
}

#[tokio::test]
async fn an_outage_makes_no_dead_letters_of_concurrent_handlers() {
    assert_nothing_is_given_up(async |server, sink| {
        let (connected, stop) = connect(durable().concurrency(4), server).await;
        let task = connected.run(move |received, _| {
            let sink = sink.clone();
            async move {
                tokio::task::yield_now().await;
                sink.write(&[received])
            }
        });
        (tokio::spawn(task), stop)
    })
    .await;
}

#[tokio::test]
async fn an_outage_makes_no_dead_letters_of_batches() {
    for max_events in [2, 100] {
        assert_nothing_is_given_up(async |server, sink| {
            let (connected, stop) = connect(durable(), server).await;
            let limits = BatchLimits { max_events, max_wait: Duration::from_millis(50) };
            let task = connected.run_batches(limits, move |events| {
                let events: Vec<_> = events.into_iter().map(|(received, _)| received).collect();
                let written = sink.write(&events);
                async move { written }
            });
            (tokio::spawn(task), stop)
        })
        .await;
    }
}

#[tokio::test]
async fn bad_events_in_a_row_become_dead_letters_once_others_succeed() {
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    create_stream(&context).await;
    let dead = dead_letter_stream(&context).await;
    for number in 1..=4 {
        publish(&context, &event(EventKind::LoggedIn, number)).await;
    }
    let (connected, stop) = connect(durable(), &server).await;
    let task = tokio::spawn(connected.run(|received, _| async move {
        if received.id.as_u128() <= 4 {
            return Err(HandlerError::retry("cannot be handled"));
        }
        Ok(())
    }));
    // Each event that succeeds tells that the others are to blame.
    let mut number = 4;
    eventually("the dead letters", async || {
        number += 1;
        publish(&context, &event(EventKind::LoggedIn, number)).await;
        let messages = dead.get_info().await.ok()?.state.messages;
        (messages == 4).then_some(())
    })
    .await;
    settled(&context, u64::try_from(number).unwrap()).await;
    stop.cancel();
    soon(task).await.unwrap().unwrap();
}
