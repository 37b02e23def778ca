//! Publishing: order, headers, acknowledgements, batches and single messages.

use bytes::Bytes;
use time::macros::datetime;
use watchword::jetstream::{EventPublisher, OutgoingEvent, PublishOutcome, Reason};

use super::rig::{Rig, STREAM, id};
use crate::support::database::Backend;
use crate::support::flow_tests;
use crate::support::nats::{NatsOptions, NatsServer};

flow_tests! {
    every_event_is_published_once_and_in_order,
    an_event_too_large_for_the_stream_is_parked_and_the_others_are_published,
    pending_events_are_published_at_shutdown,
}

async fn every_event_is_published_once_and_in_order(backend: Backend) {
    let nats = NatsServer::start().await;
    let rig = Rig::new(backend, &nats).await;
    // Few events are published one by one, many in batches.
    rig.record(3, 2).await;
    let running = rig.start().await;
    rig.assert_consistent(&nats).await;
    rig.record(7, 100).await;
    let messages = rig.assert_consistent(&nats).await;
    assert_eq!(messages.len(), 706);
    assert!(running.metric("watchword_event_publish_duplicates_total").abs() < f64::EPSILON);
    assert!(running.metric("watchword_reconcile_repairs_total").abs() < f64::EPSILON);
    running.stop().await;
}

async fn an_event_too_large_for_the_stream_is_parked_and_the_others_are_published(backend: Backend) {
    let nats = NatsServer::start().await;
    let rig = Rig::new(backend, &nats).await;
    rig.record(2, 30).await;
    rig.record_payload(&"x".repeat(70_000)).await;
    // Small enough without its headers, so that only the server can refuse it.
    rig.record_payload(&"x".repeat(65_400)).await;
    rig.record(2, 30).await;
    let running = rig.start().await;
    let messages = rig.assert_consistent(&nats).await;
    assert_eq!(messages.len(), 120);
    let parked: Vec<String> = rig
        .database
        .ledger()
        .await
        .expect("the ledger")
        .into_iter()
        .filter_map(|row| row.parked_reason)
        .collect();
    assert_eq!(parked.len(), 2, "{parked:?}");
    assert!(parked.iter().any(|reason| reason.contains("10054")), "{parked:?}");
    running.stop().await;
}

async fn pending_events_are_published_at_shutdown(backend: Backend) {
    let nats = NatsServer::start().await;
    let rig = Rig::new(backend, &nats).await;
    let running = rig.start().await;
    running.ready().await;
    rig.record(5, 300).await;
    running.stop().await;
    assert_eq!(rig.database.unpublished().await.expect("count"), 0);
    rig.assert_consistent(&nats).await;
}

fn event(n: u128) -> OutgoingEvent {
    OutgoingEvent {
        id: uuid::Uuid::from_u128(0x0192_f3a4_0000_7000_8000_0000_0000_0000 + n).into(),
        subject: "auth.user.logged_in".to_owned(),
        version: 1,
        user_id: Some(uuid::Uuid::from_u128(n % 5).into()),
        user_seq: Some(i64::try_from(n).expect("a number").into()),
        occurred_at: datetime!(2026-11-22 12:00:00.123 UTC),
        traceparent: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned()),
        payload: Bytes::from(format!(r#"{{"n":{n}}}"#)),
    }
}

fn sequences(outcomes: &[PublishOutcome], wanted: bool) -> Vec<u64> {
    outcomes
        .iter()
        .map(|outcome| match outcome {
            PublishOutcome::Acked { stream_seq, duplicate } if *duplicate == wanted => stream_seq.get(),
            other => panic!("{other:?}"),
        })
        .collect()
}

#[tokio::test]
async fn a_batch_is_atomic_and_a_repeated_message_is_a_duplicate() {
    let nats = NatsServer::start_with(NatsOptions { sync_always: true, ..NatsOptions::default() }).await;
    let rig = Rig::new(Backend::Sqlite, &nats).await;
    let running = rig.start().await;
    running.ready().await;
    let publisher = running.nats.publisher();
    let events: Vec<OutgoingEvent> = (1..=600).map(event).collect();

    let first = publisher.publish(events.get(..100).expect("100")).await;
    assert_eq!(sequences(&first, false), (1..=100).collect::<Vec<u64>>());
    // The same batch again: the server refuses it whole (10201), then reports each message as a
    // duplicate.
    let again = publisher.publish(events.get(..100).expect("100")).await;
    assert_eq!(sequences(&again, true), (1..=100).collect::<Vec<u64>>());
    // Half of the messages are duplicates, and they exceed a batch.
    let mixed = publisher.publish(events.get(50..600).expect("550")).await;
    assert_eq!(sequences(mixed.get(..50).expect("50"), true), (51..=100).collect::<Vec<u64>>());
    assert_eq!(sequences(mixed.get(50..).expect("500"), false), (101..=600).collect::<Vec<u64>>());

    let messages = nats.messages(STREAM).await;
    assert_eq!(messages.len(), 600);
    let headers = &messages.first().expect("a message").headers;
    let named = |name: &str| headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    assert_eq!(named("Nats-Msg-Id"), Some("0192f3a4-0000-7000-8000-000000000001"));
    assert_eq!(named("ce-type"), Some("io.github.watchword-auth.auth.user.logged_in.v1"));
    assert_eq!(named("ce-source"), Some("http://localhost:3001"));
    assert_eq!(named("ce-sequence"), Some("0000000000000000001"));
    assert_eq!(named("traceparent"), Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"));
    running.stop().await;
}

#[tokio::test]
async fn without_batches_a_window_keeps_each_users_order() {
    let nats = NatsServer::start().await;
    let rig = Rig::new(Backend::Sqlite, &nats).await;
    let mut definition = watchword::jetstream::desired(&rig.settings.stream).expect("the definition");
    definition.allow_atomic_publish = false;
    nats.jetstream().await.create_stream(definition).await.expect("create the stream");
    let running = rig.start().await;
    running.ready().await;
    let publisher = running.nats.publisher();
    let events: Vec<OutgoingEvent> = (1..=700).map(event).collect();
    let outcomes = publisher.publish(&events).await;
    assert_eq!(sequences(&outcomes, false), (1..=700).collect::<Vec<u64>>());
    running.stop().await;
}

#[tokio::test]
async fn a_missing_stream_and_a_lost_server_are_different_errors() {
    let mut nats = NatsServer::start().await;
    let rig = Rig::new(Backend::Sqlite, &nats).await;
    let running = rig.start().await;
    running.ready().await;
    let publisher = running.nats.publisher();
    let jetstream = nats.jetstream().await;
    for events in [1, 40] {
        running.ready().await;
        let events: Vec<OutgoingEvent> = (0..events).map(|_| OutgoingEvent { id: id().into(), ..event(1) }).collect();
        jetstream.delete_stream(STREAM).await.expect("delete the stream");
        let outcomes = publisher.publish(&events).await;
        assert_eq!(outcomes.first(), Some(&PublishOutcome::Retry(Reason::NoStream)));
        // The service creates the stream again.
        running.ready().await;
    }
    nats.kill();
    let mut status = running.nats.status();
    status.wait_for(|status| !status.connected).await.expect("the status");
    assert_eq!(publisher.publish(&[event(7)]).await, vec![PublishOutcome::Retry(Reason::NotReady)]);
    running.stop().await;
}
