//! The guarantees of a durable subscriber while all servers are available.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::mpsc::unbounded_channel;
use tokio::sync::{Barrier, Notify};
use tokio::time::Instant;
use watchword_events::{EventKind, HandlerError, TraceParent};

use super::support::{NatsServer, create_stream, event, publish};
use super::{QUICK, Running, consumer_info, durable, settled, soon};

#[tokio::test]
async fn events_arrive_once_in_order_and_a_restart_resumes_after_them() {
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    create_stream(&context).await;
    for number in 1..=50 {
        publish(&context, &event(EventKind::LoggedIn, number)).await;
    }
    let mut first = Running::start(durable(), &server.url(), |_, _| Ok(())).await;
    for number in 1..=50 {
        let (received, delivery) = first.next().await;
        assert_eq!(received.id.as_u128(), number);
        assert_eq!((delivery.attempt, u128::from(delivery.stream_sequence)), (1, number));
    }
    first.stop().await;
    settled(&context, 50).await;
    publish(&context, &event(EventKind::LoggedOut, 51)).await;
    let mut second = Running::start(durable(), &server.url(), |_, _| Ok(())).await;
    assert_eq!(second.next_number().await, 51);
    second.stop().await;
}

#[tokio::test]
async fn a_delivery_has_the_trace_and_the_pending_count() {
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    create_stream(&context).await;
    let original = event(EventKind::LoggedIn, 1);
    publish(&context, &original).await;
    publish(&context, &event(EventKind::LoggedIn, 2)).await;
    let mut running = Running::start(durable(), &server.url(), |_, _| Ok(())).await;
    let (received, delivery) = running.next().await;
    assert_eq!(received.event.unwrap(), original.event);
    assert_eq!(delivery.pending, 1);
    let trace: TraceParent = original.metadata.traceparent.unwrap().parse().unwrap();
    assert_eq!(delivery.traceparent, Some(trace));
    running.stop().await;
}

#[tokio::test]
async fn only_the_chosen_events_arrive() {
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    create_stream(&context).await;
    for (number, kind) in [
        (1, EventKind::LoggedIn),
        (2, EventKind::Registered),
        (3, EventKind::Deleted),
    ] {
        publish(&context, &event(kind, number)).await;
    }
    let wanted = durable().events([EventKind::Registered, EventKind::Deleted]);
    let mut running = Running::start(wanted, &server.url(), |_, _| Ok(())).await;
    assert_eq!(running.next_number().await, 2);
    assert_eq!(running.next_number().await, 3);
    settled(&context, 3).await;
    running.stop().await;
}

#[tokio::test]
async fn without_a_choice_unknown_events_arrive_too() {
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    create_stream(&context).await;
    let body = String::from_utf8(event(EventKind::Registered, 1).to_json().unwrap()).unwrap();
    let body = body.replace("auth.user.registered", "auth.user.teleported");
    context.publish("auth.user.teleported", body.into()).await.unwrap().await.unwrap();
    let mut running = Running::start(durable(), &server.url(), |_, _| Ok(())).await;
    let (received, _) = running.next().await;
    assert_eq!((received.subject.as_str(), received.event), ("auth.user.teleported", None));
    running.stop().await;
}

#[tokio::test]
async fn custom_events_are_chosen_by_their_kind() {
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    create_stream(&context).await;
    for (number, kind) in [
        (1, EventKind::Registered),
        (2, EventKind::Custom),
        (3, EventKind::RateLimited),
    ] {
        publish(&context, &event(kind, number)).await;
    }
    let mut running = Running::start(durable().events([EventKind::Custom]), &server.url(), |_, _| Ok(())).await;
    let (received, _) = running.next().await;
    assert_eq!((received.id.as_u128(), received.subject.as_str()), (2, "auth.custom.playlist_shared"));
    let info = consumer_info(&context).await.unwrap();
    assert_eq!(info.config.filter_subjects, ["auth.custom.*"]);
    running.stop().await;
}

#[tokio::test]
async fn a_failed_event_is_redelivered_after_the_backoff() {
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    create_stream(&context).await;
    publish(&context, &event(EventKind::Registered, 1)).await;
    let busy = |_: &_, delivery: &watchword_events::DeliveryInfo| match delivery.attempt {
        1 | 2 => Err(HandlerError::retry("the mail server is busy")),
        _ => Ok(()),
    };
    let mut running = Running::start(durable(), &server.url(), busy).await;
    let mut before = Instant::now();
    for attempt in 1..=3 {
        let (received, delivery) = running.next().await;
        assert_eq!((received.id.as_u128(), delivery.attempt), (1, attempt));
        if attempt > 1 {
            assert!(
                before.elapsed() >= QUICK.initial / 2,
                "attempt {attempt} came after {:?}",
                before.elapsed()
            );
        }
        before = Instant::now();
    }
    settled(&context, 1).await;
    running.stop().await;
}

#[tokio::test]
async fn a_handler_slower_than_ack_wait_keeps_its_event() {
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    create_stream(&context).await;
    publish(&context, &event(EventKind::Registered, 1)).await;
    let (sender, mut seen) = unbounded_channel();
    let wait = Duration::from_millis(300);
    // A second handler is idle, so a redelivered event would arrive at once.
    let connected = durable().ack_wait(wait).concurrency(2).connect(&server.url()).await.unwrap();
    let task = tokio::spawn(connected.run(move |received, delivery| {
        let sender = sender.clone();
        async move {
            let _ = sender.send((received, delivery));
            // The server's timeout is under test: four times the wait passes.
            tokio::time::sleep(wait * 4).await;
            Ok(())
        }
    }));
    settled(&context, 1).await;
    assert_eq!(seen.recv().await.unwrap().1.attempt, 1);
    assert!(seen.try_recv().is_err(), "the server redelivered the event");
    assert_eq!(consumer_info(&context).await.unwrap().num_redelivered, 0);
    task.abort();
}

#[tokio::test]
async fn stopping_waits_for_handlers_in_flight_and_starts_no_others() {
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    create_stream(&context).await;
    for number in 1..=2 {
        publish(&context, &event(EventKind::Registered, number)).await;
    }
    let (started, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let stop = watchword_events::subscriber::CancellationToken::new();
    let connected = durable().stop_on(stop.clone()).connect(&server.url()).await.unwrap();
    let mut task = tokio::spawn(connected.run({
        let (started, release) = (Arc::clone(&started), Arc::clone(&release));
        move |_, _| {
            let (started, release) = (Arc::clone(&started), Arc::clone(&release));
            async move {
                started.notify_one();
                release.notified().await;
                Ok(())
            }
        }
    }));
    started.notified().await;
    stop.cancel();
    assert!(
        tokio::time::timeout(Duration::from_millis(100), &mut task).await.is_err(),
        "a handler is in flight"
    );
    release.notify_one();
    soon(task).await.unwrap().unwrap();
    let info = consumer_info(&context).await.unwrap();
    assert_eq!((info.ack_floor.stream_sequence, info.num_pending, info.num_ack_pending), (1, 1, 0));
}

#[tokio::test]
async fn concurrency_is_the_number_of_handlers_at_once() {
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    create_stream(&context).await;
    for number in 1..=12 {
        publish(&context, &event(EventKind::LoggedIn, number)).await;
    }
    let (together, running, most) =
        (Arc::new(Barrier::new(3)), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let connected = durable().concurrency(3).connect(&server.url()).await.unwrap();
    let task = tokio::spawn(connected.run({
        let most = Arc::clone(&most);
        move |_, _| {
            let (together, running, most) = (Arc::clone(&together), Arc::clone(&running), Arc::clone(&most));
            async move {
                most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                together.wait().await; // until three handlers run
                running.fetch_sub(1, Ordering::SeqCst);
                Ok(())
            }
        }
    }));
    settled(&context, 12).await;
    assert_eq!(most.load(Ordering::SeqCst), 3);
    task.abort();
}

#[tokio::test]
async fn strict_order_lets_no_event_overtake_a_failed_one() {
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    create_stream(&context).await;
    for number in 1..=3 {
        publish(&context, &event(EventKind::LoggedIn, number)).await;
    }
    let mut running = Running::start(durable().strict_order(), &server.url(), |received, delivery| {
        if received.id.as_u128() == 1 && delivery.attempt < 3 {
            Err(HandlerError::retry("not yet"))
        } else {
            Ok(())
        }
    })
    .await;
    for expected in [1, 1, 1, 2, 3] {
        assert_eq!(running.next_number().await, expected);
    }
    running.stop().await;
}

#[tokio::test]
async fn a_handler_that_takes_too_long_has_failed() {
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    create_stream(&context).await;
    for number in 1..=2 {
        publish(&context, &event(EventKind::Registered, number)).await;
    }
    let (sender, mut seen) = unbounded_channel();
    let subscriber = durable().handler_timeout(Duration::from_millis(100)).ack_wait(Duration::from_millis(200));
    let connected = subscriber.connect(&server.url()).await.unwrap();
    let task = tokio::spawn(connected.run(move |received, delivery| {
        let _ = sender.send((received.id.as_u128(), delivery.attempt));
        async move {
            if received.id.as_u128() == 1 && delivery.attempt < 3 {
                std::future::pending::<()>().await;
            }
            Ok(())
        }
    }));
    settled(&context, 2).await;
    let mut deliveries = Vec::new();
    while let Ok(delivery) = seen.try_recv() {
        deliveries.push(delivery);
    }
    deliveries.sort_unstable();
    assert_eq!(deliveries, [(1, 1), (1, 2), (1, 3), (2, 1)]);
    task.abort();
}
