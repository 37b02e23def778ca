//! Ephemeral subscribers.

use std::time::Duration;

use tokio::sync::mpsc::unbounded_channel;
use watchword_events::subscriber::{CancellationToken, Ephemeral};
use watchword_events::{EventKind, Subscriber};

use super::support::{NatsServer, STREAM, create_stream, event, eventually, publish};
use super::{Running, soon};

/// Starts a subscriber, and tells the numbers of its events.
async fn start(subscriber: Subscriber<Ephemeral>, url: &str) -> Running<u128> {
    let (sender, seen) = unbounded_channel();
    let stop = CancellationToken::new();
    let connected = subscriber.stop_on(stop.clone()).connect(url).await.unwrap();
    let task = tokio::spawn(connected.run(move |received, _| {
        let _ = sender.send(received.id.as_u128());
        async {}
    }));
    Running { seen, stop, task }
}

async fn stop_after_the_last(tail: Running<u128>) {
    assert!(tail.stop().await.try_recv().is_err());
}

async fn is_reading(context: &async_nats::jetstream::Context) {
    eventually("the ephemeral consumer", async || {
        let stream = context.get_stream(STREAM).await.ok()?;
        (stream.cached_info().state.consumer_count == 1).then_some(())
    })
    .await;
}

#[tokio::test]
async fn from_start_delivers_stored_events_and_then_new_ones() {
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    create_stream(&context).await;
    publish(&context, &event(EventKind::Registered, 1)).await;
    context
        .publish("auth.user.registered", "not an event".into())
        .await
        .unwrap()
        .await
        .unwrap();
    publish(&context, &event(EventKind::LoggedIn, 2)).await;
    let mut tail = start(Subscriber::ephemeral().from_start(), &server.url()).await;
    assert_eq!((tail.next().await, tail.next().await), (1, 2));
    publish(&context, &event(EventKind::LoggedOut, 3)).await;
    assert_eq!(tail.next().await, 3);
    stop_after_the_last(tail).await;
}

#[tokio::test]
async fn since_delivers_events_from_that_time_and_reports_when_it_has_caught_up() {
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    create_stream(&context).await;
    publish(&context, &event(EventKind::Registered, 1)).await;
    publish(&context, &event(EventKind::Registered, 2)).await;
    let stream = context.get_stream(STREAM).await.unwrap();
    let second = stream.get_raw_message(2).await.unwrap().time;
    publish(&context, &event(EventKind::LoggedIn, 3)).await;

    let caught_up = CancellationToken::new();
    let subscriber = Subscriber::ephemeral().since(second).caught_up(caught_up.clone());
    let mut tail = start(subscriber, &server.url()).await;
    assert_eq!((tail.next().await, tail.next().await), (2, 3));
    soon(caught_up.cancelled()).await;
    publish(&context, &event(EventKind::LoggedOut, 4)).await;
    assert_eq!(tail.next().await, 4);
    stop_after_the_last(tail).await;

    // There is no event to wait for.
    let caught_up = CancellationToken::new();
    let later = second + Duration::from_secs(3600);
    let subscriber = Subscriber::ephemeral().since(later).caught_up(caught_up.clone());
    let tail = start(subscriber, &server.url()).await;
    soon(caught_up.cancelled()).await;
    stop_after_the_last(tail).await;
}

#[tokio::test]
async fn caught_up_waits_for_the_handler() {
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    create_stream(&context).await;
    for number in 1..=3 {
        publish(&context, &event(EventKind::Registered, number)).await;
    }
    let (caught_up, stop) = (CancellationToken::new(), CancellationToken::new());
    let subscriber = Subscriber::ephemeral().from_start().caught_up(caught_up.clone());
    let connected = subscriber.stop_on(stop.clone()).connect(&server.url()).await.unwrap();
    let (sender, mut seen) = unbounded_channel();
    let watched = caught_up.clone();
    let task = tokio::spawn(connected.run(move |_, _| {
        let _ = sender.send(watched.is_cancelled());
        async {}
    }));
    soon(caught_up.cancelled()).await;
    for _ in 1..=3 {
        assert_eq!(seen.recv().await, Some(false));
    }
    stop.cancel();
    task.await.unwrap().unwrap();
}

#[tokio::test]
async fn by_default_only_new_events_arrive() {
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    create_stream(&context).await;
    publish(&context, &event(EventKind::Registered, 1)).await;
    let mut tail = start(Subscriber::ephemeral().events([EventKind::Registered]), &server.url()).await;
    is_reading(&context).await;
    publish(&context, &event(EventKind::LoggedIn, 2)).await;
    publish(&context, &event(EventKind::Registered, 3)).await;
    assert_eq!(tail.next().await, 3);
    stop_after_the_last(tail).await;
}

#[tokio::test]
async fn reading_resumes_after_a_server_crash_and_a_recreated_stream() {
    let mut server = NatsServer::start().await;
    let context = server.jetstream().await;
    create_stream(&context).await;
    let mut tail = start(Subscriber::ephemeral(), &server.url()).await;
    is_reading(&context).await;
    for number in 1..=2 {
        publish(&context, &event(EventKind::Registered, number)).await;
        assert_eq!(tail.next().await, number);
    }
    server.kill();
    server.start_again().await;
    let context = server.jetstream().await;
    publish(&context, &event(EventKind::Registered, 3)).await;
    assert_eq!(tail.next().await, 3);
    context.delete_stream(STREAM).await.unwrap();
    create_stream(&context).await;
    publish(&context, &event(EventKind::Registered, 4)).await;
    assert_eq!(tail.next().await, 4);
    stop_after_the_last(tail).await;
}
