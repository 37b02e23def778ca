//! Many events in one call.

use std::time::Duration;

use async_nats::jetstream::stream::Stream;
use async_nats::jetstream::{self, Context};
use tokio::sync::mpsc::unbounded_channel;
use watchword_events::subscriber::{BatchLimits, CancellationToken, Durable};
use watchword_events::{DeliveryInfo, EventKind, HandlerError, ReceivedEvent, Subscriber};

use super::support::{NatsServer, STREAM, create_stream, event, eventually, publish};
use super::{DURABLE, Running, consumer_info, durable, settled, soon};

/// Events by their numbers, and the highest attempt among them.
type Batch = (Vec<u128>, u32);

/// Starts a subscriber whose handler returns `answer` for a batch.
async fn start<A>(
    subscriber: Subscriber<Durable>,
    limits: BatchLimits,
    server: &NatsServer,
    answer: A,
) -> Running<Batch>
where
    A: Fn(&Batch) -> Result<(), HandlerError> + Send + Sync + 'static,
{
    let (sender, seen) = unbounded_channel();
    let stop = CancellationToken::new();
    let connected = subscriber.stop_on(stop.clone()).connect(&server.url()).await.unwrap();
    let handler = move |events: Vec<(ReceivedEvent, DeliveryInfo)>| {
        let numbers = events.iter().map(|(received, _)| received.id.as_u128()).collect();
        let attempt = events.iter().map(|(_, delivery)| delivery.attempt).max().unwrap();
        let batch = (numbers, attempt);
        let answer = answer(&batch);
        let _ = sender.send(batch);
        async move { answer }
    };
    let task = tokio::spawn(connected.run_batches(limits, handler));
    Running { seen, stop, task }
}

/// Limits of batches that are full before they are old.
fn of(max_events: usize) -> BatchLimits {
    BatchLimits { max_events, max_wait: Duration::from_secs(60) }
}

async fn publish_all(context: &Context, numbers: std::ops::RangeInclusive<u128>) {
    for number in numbers {
        publish(context, &event(EventKind::LoggedIn, number)).await;
    }
}

async fn dead_letter_stream(context: &Context) -> Stream {
    let config = jetstream::stream::Config {
        name: "auth-events-dlq".to_owned(),
        subjects: vec!["auth.dlq.*".to_owned()],
        ..Default::default()
    };
    context.create_stream(config).await.unwrap()
}

/// Waits for `count` dead letters, and returns the stream sequences of their events.
async fn dead_letters(dead: &Stream, count: u64) -> Vec<String> {
    let mut dead = dead.clone();
    let messages = eventually("the dead letters", async || {
        let found = dead.info().await.ok()?.state.messages;
        (found >= count).then_some(found)
    })
    .await;
    let mut sequences = Vec::new();
    for sequence in 1..=messages {
        let dead_letter = dead.get_raw_message(sequence).await.unwrap();
        let from = dead_letter.headers.get(watchword_events::subscriber::DLQ_SEQUENCE).unwrap();
        sequences.push(from.as_str().to_owned());
    }
    sequences.sort();
    sequences
}

#[tokio::test]
async fn events_arrive_once_in_full_batches_and_in_order() {
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    create_stream(&context).await;
    publish_all(&context, 1..=1000).await;
    let mut running = start(durable(), of(250), &server, |_| Ok(())).await;
    for batch in 0..4 {
        let (numbers, attempt) = running.next().await;
        let expected: Vec<u128> = (batch * 250 + 1..=batch * 250 + 250).collect();
        assert_eq!((numbers, attempt), (expected, 1));
    }
    settled(&context, 1000).await;
    assert_eq!(consumer_info(&context).await.unwrap().num_redelivered, 0);
    running.stop().await;
}

#[tokio::test]
async fn a_batch_that_is_not_full_is_handled_after_its_wait() {
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    create_stream(&context).await;
    publish_all(&context, 1..=3).await;
    let limits = BatchLimits { max_events: 100, max_wait: Duration::from_millis(50) };
    let mut running = start(durable(), limits, &server, |_| Ok(())).await;
    let mut seen = Vec::new();
    while seen.len() < 3 {
        seen.extend(running.next().await.0);
    }
    assert_eq!(seen, [1, 2, 3]);
    settled(&context, 3).await;
    running.stop().await;
}

#[tokio::test]
async fn a_failed_batch_is_redelivered_and_the_next_one_is_kept() {
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    create_stream(&context).await;
    publish_all(&context, 1..=20).await;
    let mut running = start(durable(), of(10), &server, |(numbers, attempt)| {
        if numbers.contains(&3) && *attempt < 3 {
            return Err(HandlerError::retry("the store is unavailable"));
        }
        Ok(())
    })
    .await;
    let mut attempts = [0; 20];
    while attempts.contains(&0) || attempts.get(2) < Some(&3) {
        for number in running.next().await.0 {
            attempts[usize::try_from(number).unwrap() - 1] += 1;
        }
    }
    settled(&context, 20).await;
    assert_eq!(attempts[10..], [1; 10], "the second batch was not redelivered");
    running.stop().await;
}

#[tokio::test]
async fn only_the_poison_events_of_a_batch_become_dead_letters() {
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    create_stream(&context).await;
    let dead = dead_letter_stream(&context).await;
    publish_all(&context, 1..=5).await;
    // The sixth message is not an event, so no handler gets it.
    context.publish("auth.user.logged_in", "hello".into()).await.unwrap().await.unwrap();
    publish_all(&context, 7..=10).await;
    let mut running = start(durable(), of(10), &server, |(numbers, _)| {
        if numbers.contains(&3) {
            return Err(HandlerError::poison("no such column"));
        }
        Ok(())
    })
    .await;
    assert_eq!(running.next().await.0, [1, 2, 3, 4, 5, 7, 8, 9, 10]);
    for number in [1, 2, 3, 4, 5, 7, 8, 9, 10] {
        assert_eq!(running.next().await, (vec![number], 1), "each is handled once more, alone");
    }
    assert_eq!(dead_letters(&dead, 2).await, ["3", "6"]);
    settled(&context, 10).await;
    running.stop().await;
}

#[tokio::test]
async fn an_event_that_fails_with_its_batch_is_handled_alone() {
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    create_stream(&context).await;
    let dead = dead_letter_stream(&context).await;
    publish_all(&context, 1..=8).await;
    let subscriber = durable().max_deliver(3);
    // What failed alone comes back alone.
    let limits = BatchLimits { max_events: 8, max_wait: Duration::from_millis(100) };
    let running = start(subscriber, limits, &server, |(numbers, _)| {
        assert!(!numbers.contains(&5), "too much for the handler");
        Ok(())
    })
    .await;
    assert_eq!(dead_letters(&dead, 1).await, ["5"]);
    settled(&context, 8).await;
    running.stop().await;
}

#[tokio::test]
async fn stopping_finishes_the_batch_and_releases_the_next_one() {
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    create_stream(&context).await;
    publish_all(&context, 1..=8).await;
    let (started, mut seen) = unbounded_channel();
    let release = std::sync::Arc::new(tokio::sync::Notify::new());
    let stop = CancellationToken::new();
    // Unless they are released, they are redelivered after an hour.
    let subscriber = durable().ack_wait(Duration::from_secs(3600)).stop_on(stop.clone());
    let connected = subscriber.connect(&server.url()).await.unwrap();
    let task = tokio::spawn(connected.run_batches(of(4), {
        let release = std::sync::Arc::clone(&release);
        move |events| {
            let (started, release) = (started.clone(), std::sync::Arc::clone(&release));
            async move {
                started.send(events.len()).unwrap();
                release.notified().await;
                Ok(())
            }
        }
    }));
    assert_eq!(seen.recv().await, Some(4));
    eventually("the next batch is fetched", async || {
        consumer_info(&context).await.filter(|info| info.num_ack_pending == 8)
    })
    .await;
    stop.cancel();
    release.notify_one();
    soon(task).await.unwrap().unwrap();
    let info = consumer_info(&context).await.unwrap();
    assert_eq!(info.ack_floor.stream_sequence, 4);
    let mut second = start(durable(), of(4), &server, |_| Ok(())).await;
    assert_eq!(second.next().await.0, [5, 6, 7, 8]);
    settled(&context, 8).await;
    second.stop().await;
}

#[tokio::test]
async fn a_batch_slower_than_ack_wait_and_the_next_one_are_not_redelivered() {
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    create_stream(&context).await;
    publish_all(&context, 1..=8).await;
    let wait = Duration::from_millis(300);
    let connected = durable().ack_wait(wait).connect(&server.url()).await.unwrap();
    let task = tokio::spawn(connected.run_batches(of(4), move |_| async move {
        // The server's timeout is under test: three times the wait passes.
        tokio::time::sleep(wait * 3).await;
        Ok(())
    }));
    settled(&context, 8).await;
    assert_eq!(consumer_info(&context).await.unwrap().num_redelivered, 0);
    let deliveries = consumer_info(&context).await.unwrap().delivered.consumer_sequence;
    assert_eq!(deliveries, 8, "the server redelivered events");
    assert_eq!((DURABLE, STREAM), ("test-reader", "auth-events"));
    task.abort();
}
