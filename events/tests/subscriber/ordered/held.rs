//! Events that come too early or twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use tokio::time::Instant;
use watchword_events::subscriber::CancellationToken;
use watchword_events::{Backoff, EventKind, HandlerError, SubscribeError};

use super::support::{NatsServer, create_stream, event, eventually, publish};
use super::{Copy, DURABLE, QUICK, Running, consumer_info, durable, publish_all, settled, soon};

#[tokio::test]
async fn events_behind_a_failed_one_of_their_user_wait_for_it_and_others_do_not() {
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    create_stream(&context).await;
    let others = (1..=50).map(|seq| (2, seq));
    publish_all(&context, (1..=20).map(|seq| (1, seq)).chain(others)).await;

    let (stop, copy, failures) = (CancellationToken::new(), Copy::default(), Arc::new(AtomicU32::new(0)));
    let second = Duration::from_secs(1);
    let subscriber = durable().backoff(Backoff { initial: second, max: second }).stop_on(stop.clone());
    let connected = subscriber.connect(&server.url()).await.unwrap();
    let started = Instant::now();
    let failed = Arc::clone(&failures);
    let running = Running::start(connected, stop, &copy, move |received, _| {
        let is_third = received.user.is_some_and(|user| user.id.as_u128() == 1 && user.seq == Some(3));
        if is_third && failed.fetch_add(1, Ordering::SeqCst) < 2 {
            return Err(HandlerError::retry("busy"));
        }
        Ok(())
    });
    eventually("the other user's events", async || (copy.of(2).len() == 50).then_some(())).await;
    assert!(copy.of(1).len() < 20 || started.elapsed() > second, "the others did not wait");
    settled(&context, 70).await;
    assert_eq!(copy.of(1), (1..=20).collect::<Vec<_>>());
    assert_eq!(copy.of(2), (1..=50).collect::<Vec<_>>());
    assert!(copy.missing.lock().unwrap().is_empty());
    // Only the third one was delivered again: those that waited used no attempts.
    let info = consumer_info(&context).await.unwrap();
    assert_eq!(info.delivered.consumer_sequence, 70 + 2);
    running.stop().await;
}

#[tokio::test]
async fn copies_and_events_that_are_not_higher_are_skipped() {
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    create_stream(&context).await;
    publish_all(&context, [(1, 1), (1, 2)]).await;
    // The second copies have other ids: only their numbers tell.
    for seq in [1, 2] {
        let copy = watchword_events::Event {
            id: uuid::Uuid::from_u128(seq),
            ..super::numbered(1, i64::try_from(seq).unwrap())
        };
        publish(&context, &copy).await;
    }
    publish_all(&context, [(1, 3)]).await;
    let (stop, copy) = (CancellationToken::new(), Copy::default());
    let connected = durable().concurrency(4).stop_on(stop.clone()).connect(&server.url()).await.unwrap();
    let running = Running::start(connected, stop, &copy, |_, _| Ok(()));
    settled(&context, 5).await;
    assert_eq!(copy.of(1), [1, 2, 3]);
    running.stop().await;
}

#[tokio::test]
async fn two_programs_with_many_handlers_keep_the_order_of_each_user() {
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    create_stream(&context).await;
    let copy = Copy::default();
    let mut programs = Vec::new();
    for _ in 0..2 {
        let stop = CancellationToken::new();
        let connected = durable().concurrency(8).stop_on(stop.clone()).connect(&server.url()).await.unwrap();
        programs.push(Running::start(connected, stop, &copy, |_, _| Ok(())));
    }
    publish_all(&context, (1..=60).flat_map(|seq| (1..=10).map(move |user| (user, seq)))).await;
    settled(&context, 600).await;
    for user in 1..=10 {
        assert_eq!(copy.of(user), (1..=60).collect::<Vec<_>>(), "user {user}");
    }
    assert!(copy.missing.lock().unwrap().is_empty());
    for program in programs {
        program.stop().await;
    }
}

#[tokio::test]
async fn custom_events_pass_without_a_place_in_the_order() {
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    create_stream(&context).await;
    publish(&context, &event(EventKind::Custom, 1)).await;
    publish(&context, &event(EventKind::RateLimited, 2)).await;
    let (stop, copy, seen) = (CancellationToken::new(), Copy::default(), Arc::new(AtomicU32::new(0)));
    let connected = durable().stop_on(stop.clone()).connect(&server.url()).await.unwrap();
    let count = Arc::clone(&seen);
    let running = Running::start(connected, stop, &copy, move |_, _| {
        count.fetch_add(1, Ordering::SeqCst);
        Ok(())
    });
    settled(&context, 2).await;
    assert_eq!(seen.load(Ordering::SeqCst), 2);
    running.stop().await;
}

#[tokio::test]
async fn more_than_a_program_holds_are_given_back_and_not_lost() {
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    let stream = create_stream(&context).await;
    let config = async_nats::jetstream::consumer::pull::Config {
        durable_name: Some(DURABLE.to_owned()),
        max_ack_pending: 1000,
        max_deliver: 100,
        ..Default::default()
    };
    stream.create_consumer(config).await.unwrap();
    publish_all(&context, (1..=400).map(|seq| (1, seq))).await;
    let (stop, copy, blocked) = (CancellationToken::new(), Copy::default(), Arc::new(AtomicBool::new(true)));
    let connected = durable()
        .max_deliver(1000)
        .backoff(QUICK)
        .stop_on(stop.clone())
        .connect(&server.url())
        .await
        .unwrap();
    let is_blocked = Arc::clone(&blocked);
    let running = Running::start(connected, stop, &copy, move |received, _| {
        let is_first = received.user.and_then(|user| user.seq) == Some(1);
        if is_first && is_blocked.load(Ordering::SeqCst) {
            return Err(HandlerError::retry("busy"));
        }
        Ok(())
    });
    eventually("all of them are delivered", async || {
        consumer_info(&context)
            .await
            .filter(|info| info.num_pending == 0 && info.num_redelivered > 1)
    })
    .await;
    blocked.store(false, Ordering::SeqCst);
    settled(&context, 400).await;
    assert_eq!(copy.of(1), (1..=400).collect::<Vec<_>>());
    running.stop().await;
}

#[tokio::test]
async fn a_choice_of_events_has_no_order() {
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    let stream = create_stream(&context).await;
    let (subscriber, copy) = (durable().events([EventKind::Registered]), Copy::default());
    let connected = subscriber.connect(&server.url()).await.unwrap();
    let refused = soon(connected.ordered_by_user().run(copy.clone(), |_, _| async { Ok(()) })).await;
    assert!(matches!(refused, Err(SubscribeError::Unordered { .. })), "{refused:?}");

    let config = async_nats::jetstream::consumer::pull::Config {
        durable_name: Some(DURABLE.to_owned()),
        filter_subject: "auth.user.registered".to_owned(),
        ..Default::default()
    };
    stream.create_consumer(config).await.unwrap();
    let connected = durable().connect(&server.url()).await.unwrap();
    let refused = soon(connected.ordered_by_user().run(copy, |_, _| async { Ok(()) })).await;
    let subject = "auth.user.*";
    assert!(matches!(refused, Err(SubscribeError::Filtered { subject: found, .. }) if found == subject));
}
