//! Server crashes, missing streams and deleted durables.

use std::collections::BTreeSet;
use std::time::Duration;

use watchword_events::{EventKind, HandlerError};

use super::logs::Logs;
use super::support::{NatsServer, STREAM, create_stream, event, eventually, publish};
use super::{DURABLE, Running, consumer_info, durable, settled};

#[tokio::test]
async fn reading_resumes_after_a_server_crash() {
    let mut server = NatsServer::start().await;
    let context = server.jetstream().await;
    create_stream(&context).await;
    publish(&context, &event(EventKind::Registered, 1)).await;
    let subscriber = durable().ack_wait(Duration::from_millis(500));
    let mut running = Running::start(subscriber, &server.url(), |_, _| Ok(())).await;
    assert_eq!(running.next_number().await, 1);
    settled(&context, 1).await;
    server.kill();
    server.start_again().await;
    let context = server.jetstream().await;
    for number in 2..=4 {
        publish(&context, &event(EventKind::Registered, number)).await;
    }
    for number in 2..=4 {
        let mut next = running.next_number().await;
        // A killed server can lose the first acknowledgement, and then redelivers the event.
        if next == 1 {
            next = running.next_number().await;
        }
        assert_eq!(next, number);
    }
    settled(&context, 4).await;
    running.stop().await;
}

#[tokio::test]
async fn reading_resumes_after_missed_heartbeats() {
    let logs = Logs::capture();
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    create_stream(&context).await;
    let mut running = Running::start(durable(), &server.url(), |_, _| Ok(())).await;
    eventually("the durable", async || consumer_info(&context).await).await;
    server.signal("STOP");
    logs.line(&["WARN", "reading stopped", "no heartbeat from the consumer"]).await;
    server.signal("CONT");
    publish(&context, &event(EventKind::Registered, 1)).await;
    assert_eq!(running.next_number().await, 1);
    settled(&context, 1).await;
    running.stop().await;
}

#[tokio::test]
async fn server_restarts_and_crashes_lose_no_event() {
    const EACH: u128 = 300;
    let mut server = NatsServer::start().await;
    create_stream(&server.jetstream().await).await;
    // The server redelivers what was fetched before it died after this time.
    let subscriber = durable().ack_wait(Duration::from_secs(1)).max_deliver(100).concurrency(4);
    let mut running = Running::start(subscriber, &server.url(), |_, _| Ok(())).await;
    let mut seen = BTreeSet::new();
    for round in 0..4 {
        let context = server.jetstream().await;
        for number in 1..=EACH {
            publish(&context, &event(EventKind::LoggedIn, round * EACH + number)).await;
        }
        // Stop in the middle.
        while seen.len() < usize::try_from(round * EACH + EACH / 2).unwrap() {
            seen.insert(running.next_number().await);
        }
        if round % 2 == 0 {
            server.kill()
        } else {
            server.stop()
        }
        server.start_again().await;
    }
    while seen.len() < usize::try_from(4 * EACH).unwrap() {
        seen.insert(running.next_number().await);
    }
    assert_eq!(seen.last(), Some(&(4 * EACH)), "no other event");
    settled(&server.jetstream().await, 4 * 300).await;
    running.stop().await;
}

#[tokio::test]
async fn a_subscriber_can_start_before_the_stream_exists() {
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    let mut running = Running::start(durable(), &server.url(), |_, _| Ok(())).await;
    create_stream(&context).await;
    publish(&context, &event(EventKind::Registered, 1)).await;
    assert_eq!(running.next_number().await, 1);
    running.stop().await;
}

#[tokio::test]
async fn a_deleted_durable_is_recreated_and_resumes() {
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    create_stream(&context).await;
    for number in 1..=5 {
        publish(&context, &event(EventKind::Registered, number)).await;
    }
    let mut running = Running::start(durable(), &server.url(), |_, _| Ok(())).await;
    for number in 1..=5 {
        assert_eq!(running.next_number().await, number);
    }
    settled(&context, 5).await;
    context.delete_consumer_from_stream(DURABLE, STREAM).await.unwrap();
    publish(&context, &event(EventKind::Registered, 6)).await;
    // The last event may arrive twice; the earlier ones must not.
    let mut number = running.next_number().await;
    if number == 5 {
        number = running.next_number().await;
    }
    assert_eq!(number, 6);
    settled(&context, 6).await;
    running.stop().await;
}

#[tokio::test]
async fn a_failed_event_is_redelivered_after_its_durable_was_deleted() {
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    create_stream(&context).await;
    for number in 1..=3 {
        publish(&context, &event(EventKind::Registered, number)).await;
    }
    let hour = Duration::from_secs(3600);
    let subscriber = durable().backoff(watchword_events::Backoff { initial: hour, max: hour });
    let mut running = Running::start(subscriber, &server.url(), |received, delivery| {
        let fails = received.id.as_u128() == 2 && delivery.stream_sequence == 2 && delivery.pending > 0;
        if fails {
            Err(HandlerError::retry("later"))
        } else {
            Ok(())
        }
    })
    .await;
    for number in 1..=3 {
        assert_eq!(running.next_number().await, number);
    }
    eventually("the third is acknowledged, the second waits", async || {
        consumer_info(&context)
            .await
            .filter(|info| info.num_ack_pending == 1 && info.num_pending == 0)
    })
    .await;
    context.delete_consumer_from_stream(DURABLE, STREAM).await.unwrap();
    assert_eq!(running.next_number().await, 2, "it was not acknowledged, so it is redelivered");
    running.stop().await;
}

#[tokio::test]
async fn a_recreated_stream_is_read_from_its_beginning() {
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    create_stream(&context).await;
    for number in 1..=3 {
        publish(&context, &event(EventKind::Registered, number)).await;
    }
    let mut running = Running::start(durable(), &server.url(), |_, _| Ok(())).await;
    for number in 1..=3 {
        assert_eq!(running.next_number().await, number);
    }
    settled(&context, 3).await;
    context.delete_stream(STREAM).await.unwrap();
    create_stream(&context).await;
    publish(&context, &event(EventKind::Registered, 4)).await;
    assert_eq!(running.next_number().await, 4);
    running.stop().await;
}
