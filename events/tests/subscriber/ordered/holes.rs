//! Events that never come.

use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;
use watchword_events::HandlerError;
use watchword_events::subscriber::{CancellationToken, Metrics};

use super::super::logs::Logs;
use super::support::{NatsServer, create_stream};
use super::{Copy, Running, durable, publish_all, settled};

/// A user and the numbers that are missing.
type Missing = (u128, RangeInclusive<i64>);

#[derive(Clone, Default)]
struct Reports(Arc<Mutex<Vec<Missing>>>);

impl Metrics for Reports {
    fn missing(&self, user: Uuid, missing: RangeInclusive<i64>) {
        self.0.lock().unwrap().push((user.as_u128(), missing));
    }
}

#[tokio::test]
async fn a_hole_that_never_closes_is_reported_and_only_its_user_waited() {
    let logs = Logs::capture();
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    let stream = create_stream(&context).await;
    publish_all(&context, [(1, 1), (1, 2), (2, 1), (1, 3), (1, 4), (1, 5), (2, 2)]).await;
    for lost in [2, 4] {
        stream.delete_message(lost).await.unwrap();
    }
    let (stop, copy, reports) = (CancellationToken::new(), Copy::default(), Reports::default());
    let connected = durable()
        .metrics(reports.clone())
        .stop_on(stop.clone())
        .connect(&server.url())
        .await
        .unwrap();
    let running = Running::start(connected, stop, &copy, |_, _| Ok(()));
    settled(&context, 7).await;
    assert_eq!((copy.of(1), copy.of(2)), (vec![1, 4, 5], vec![1, 2]));
    assert_eq!(*copy.missing.lock().unwrap(), [(1, 2, 3)], "the handler sees it");
    assert_eq!(*reports.0.lock().unwrap(), [(1, 2..=3)]);
    let user = format!("user={}", Uuid::from_u128(1));
    logs.line(&["ERROR", "events of the user are missing", &user, "first=2", "last=3"]).await;
    running.stop().await;
}

#[tokio::test]
async fn a_subscriber_that_begins_in_the_middle_begins_with_each_users_first_event() {
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    let stream = create_stream(&context).await;
    let rounds = 1..=30;
    publish_all(&context, rounds.flat_map(|seq| (1..=20).map(move |user| (user, seq)))).await;
    stream.purge().sequence(305).await.unwrap();
    let (stop, copy) = (CancellationToken::new(), Copy::default());
    let connected = durable().concurrency(4).stop_on(stop.clone()).connect(&server.url()).await.unwrap();
    let started = Instant::now();
    let running = Running::start(connected, stop, &copy, |_, _| Ok(()));
    settled(&context, 600).await;
    for user in 1..=20 {
        let first = if user < 5 { 17 } else { 16 };
        assert_eq!(copy.of(user), (first..=30).collect::<Vec<_>>(), "user {user}");
    }
    assert_eq!(copy.missing.lock().unwrap().len(), 20);
    // Nothing waits for a timeout.
    assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
    running.stop().await;
}

#[tokio::test]
async fn events_behind_a_dead_letter_go_on() {
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    create_stream(&context).await;
    publish_all(&context, (1..=5).map(|seq| (1, seq))).await;
    let (stop, copy) = (CancellationToken::new(), Copy::default());
    let subscriber = durable().max_deliver(3).without_dead_letters().stop_on(stop.clone());
    let connected = subscriber.connect(&server.url()).await.unwrap();
    let attempts = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&attempts);
    let running = Running::start(connected, stop, &copy, move |received, _| {
        if received.user.and_then(|user| user.seq) == Some(2) {
            *counted.lock().unwrap() += 1;
            return Err(HandlerError::retry("never"));
        }
        Ok(())
    });
    settled(&context, 5).await;
    assert_eq!(copy.of(1), [1, 3, 4, 5]);
    assert_eq!(*copy.missing.lock().unwrap(), [(1, 2, 2)]);
    assert_eq!(*attempts.lock().unwrap(), 3, "failures are counted, not deliveries");
    running.stop().await;
}

#[tokio::test]
async fn the_hole_timeout_ends_the_wait_for_an_event_that_the_server_has_given_up() {
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    let stream = create_stream(&context).await;
    publish_all(&context, (1..=3).map(|seq| (1, seq))).await;
    // Another program has the first event, and neither settles nor loses it.
    let config = async_nats::jetstream::consumer::pull::Config {
        durable_name: Some(super::DURABLE.to_owned()),
        ack_wait: Duration::from_secs(3600),
        ..Default::default()
    };
    let consumer = stream.create_consumer(config).await.unwrap();
    let taken = tokio_stream_first(&consumer).await;
    let (stop, copy) = (CancellationToken::new(), Copy::default());
    let connected = durable().stop_on(stop.clone()).connect(&server.url()).await.unwrap();
    let (sequences, applied) = (copy.clone(), copy.clone());
    let ordered = connected.ordered_by_user().hole_timeout(Duration::from_secs(2));
    let task = tokio::spawn(ordered.run(sequences, move |received, delivery| {
        applied.apply(&received, &delivery);
        async { Ok(()) }
    }));
    super::support::eventually("the others are applied", async || (copy.of(1) == [2, 3]).then_some(())).await;
    assert_eq!(*copy.missing.lock().unwrap(), [(1, 1, 1)]);
    stop.cancel();
    super::soon(task).await.unwrap().unwrap();
    drop(taken);
}

async fn tokio_stream_first(
    consumer: &async_nats::jetstream::consumer::PullConsumer,
) -> async_nats::jetstream::Message {
    use futures_util::StreamExt as _;
    let mut messages = consumer.fetch().max_messages(1).messages().await.unwrap();
    messages.next().await.unwrap().unwrap()
}
