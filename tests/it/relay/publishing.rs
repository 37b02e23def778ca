//! Publishing: order, headers, acknowledgements, batches and single messages.

use bytes::Bytes;
use serde_json::json;
use time::macros::datetime;
use watchword::jetstream::{Answer, Failure, JetStreamPublisher, OutgoingEvent, SendMode, Sent};
use watchword::security::LedgerPlace;

use super::rig::{Rig, STREAM, TIMEOUT, id, marks};
use crate::support::database::Backend;
use crate::support::flow_tests;
use crate::support::nats::{NatsOptions, NatsServer, StreamMessage};
use crate::support::wait::eventually;

flow_tests! {
    every_event_is_published_once_and_in_order,
    an_event_too_large_for_the_stream_is_cut_and_the_others_are_whole,
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
    assert!(running.metric("watchword_stream_lost_events_total").abs() < f64::EPSILON);
    running.stop().await;
}

async fn an_event_too_large_for_the_stream_is_cut_and_the_others_are_whole(backend: Backend) {
    let nats = NatsServer::start().await;
    let rig = Rig::new(backend, &nats).await;
    rig.record(2, 30).await;
    let long = vec!["0"; 101].join(",");
    let large = |bytes: usize| {
        format!(
            r#"{{"data":{{"userSeq":7,"list":["x"],"long":[{long}],"filler":"{}"}}}}"#,
            "x".repeat(bytes)
        )
    };
    rig.record_payload(&large(70_000)).await;
    rig.record_payload(&large(65_400)).await;
    rig.record(2, 30).await;
    let running = rig.start().await;
    rig.drained().await;
    let messages = nats.messages(STREAM).await;
    let ledger = rig.database.ledger().await.expect("the ledger");
    let ids: Vec<_> = messages.iter().filter_map(|message| message.header("Nats-Msg-Id")).collect();
    assert_eq!(ids, ledger.iter().map(|row| row.id.to_string()).collect::<Vec<_>>());
    let data = |message: &StreamMessage| message.payload.get("data").cloned().unwrap_or_default();
    let cut: Vec<_> = messages
        .iter()
        .filter(|message| data(message).get("truncated") == Some(&json!(true)))
        .collect();
    assert_eq!(cut.len(), 2);
    for message in cut {
        let data = data(message);
        let kept = ["userSeq", "list", "long"].map(|field| data.get(field).cloned().unwrap_or_default());
        assert_eq!(kept, [json!(7), json!(["x"]), json!([])]);
        assert!(message.bytes.len() < 1000);
    }
    assert!((running.metric("watchword_event_truncated_total") - 2.0).abs() < f64::EPSILON);
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
        place: LedgerPlace {
            ledger: uuid::Uuid::from_u128(7),
            seq: i64::try_from(n).expect("a number").into(),
        },
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

async fn send(publisher: &JetStreamPublisher, events: &[OutgoingEvent], after: u64, mode: SendMode) -> Sent {
    let messages = events.iter().map(|event| publisher.message(event)).collect();
    publisher.send(messages, after.into(), mode).await
}

/// Publishes events behind a sequence.
async fn publish(publisher: &JetStreamPublisher, events: &[OutgoingEvent], after: u64, mode: SendMode) -> Answer {
    let sent = send(publisher, events, after, mode).await;
    publisher.answer(sent).await
}

fn stored(count: usize) -> Answer {
    Answer { stored: count, failure: None }
}

fn refused(failure: Failure) -> Answer {
    Answer { stored: 0, failure: Some(failure) }
}

#[tokio::test]
async fn what_does_not_continue_the_stream_is_refused() {
    let nats = NatsServer::start_with(NatsOptions { sync_always: true, ..NatsOptions::default() }).await;
    let rig = Rig::new(Backend::Sqlite, &nats).await;
    let running = rig.start().await;
    running.ready().await;
    let publisher = running.nats.publisher(marks());
    let events: Vec<OutgoingEvent> = (1..=600).map(event).collect();
    let part = |from: usize, to: usize| events.get(from..to).expect("events");
    for (mode, after) in [(SendMode::Batch, 0), (SendMode::Batch, 100), (SendMode::Singly, 200)] {
        let from = usize::try_from(after).expect("a number");
        assert_eq!(publish(&publisher, part(from, from + 100), after, mode).await, stored(100), "{mode:?}");
        // Others in their place, with a gap, and the same once more.
        for (from, after) in [(400, after), (400, after + 101), (from, after), (from, after + 100)] {
            let answer = publish(&publisher, part(from, from + 100), after, mode).await;
            let failure = answer.failure.expect("a failure");
            assert_eq!(answer.stored, 0, "{mode:?} behind {after}");
            assert!(
                matches!(failure, Failure::Fenced | Failure::Duplicate),
                "{mode:?} behind {after}: {failure}"
            );
        }
    }
    // Two on their way, of which the first is refused: so is the second.
    for mode in [SendMode::Batch, SendMode::Singly] {
        let first = send(&publisher, part(300, 400), 299, mode).await;
        let second = send(&publisher, part(400, 500), 399, mode).await;
        assert_eq!(publisher.answer(first).await, refused(Failure::Fenced), "{mode:?}");
        assert_eq!(publisher.answer(second).await, refused(Failure::Fenced), "{mode:?}");
    }

    let messages = nats.messages(STREAM).await;
    assert_eq!(messages.len(), 300);
    let headers = &messages.first().expect("a message").headers;
    let named = |name: &str| headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    assert_eq!(named("Nats-Msg-Id"), Some("0192f3a4-0000-7000-8000-000000000001"));
    assert_eq!(named("ce-type"), Some("io.github.watchword-auth.auth.user.logged_in.v1"));
    assert_eq!(named("ce-source"), Some("http://localhost:3001"));
    assert_eq!(named("ce-sequence"), Some("0000000000000000001"));
    assert_eq!(named("traceparent"), Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"));
    let mark = named("Watchword-Ledger").expect("a mark");
    assert!(mark.starts_with("00000000-0000-0000-0000-000000000007/1/"), "{mark}");
    running.stop().await;
}

#[tokio::test]
async fn without_batches_messages_follow_each_other() {
    let nats = NatsServer::start().await;
    let rig = Rig::new(Backend::Sqlite, &nats).await;
    let mut definition = watchword::jetstream::desired(&rig.settings.stream).expect("the definition");
    definition.allow_atomic_publish = false;
    nats.jetstream().await.create_stream(definition).await.expect("create the stream");
    let running = rig.start().await;
    running.ready().await;
    let publisher = running.nats.publisher(marks());
    let events: Vec<OutgoingEvent> = (1..=500).map(event).collect();
    assert_eq!(publish(&publisher, &events, 0, SendMode::Batch).await, stored(500));
    let ids: Vec<_> = nats
        .messages(STREAM)
        .await
        .iter()
        .map(|message| message.header("Nats-Msg-Id").map(str::to_owned))
        .collect();
    assert_eq!(ids, events.iter().map(|event| Some(event.id.to_string())).collect::<Vec<_>>());
    running.stop().await;
}

#[tokio::test]
async fn a_missing_stream_and_a_lost_server_are_different_errors() {
    let mut nats = NatsServer::start().await;
    let rig = Rig::new(Backend::Sqlite, &nats).await;
    let running = rig.start().await;
    running.ready().await;
    let publisher = running.nats.publisher(marks());
    let jetstream = nats.jetstream().await;
    for events in [1, 40] {
        let events: Vec<OutgoingEvent> = (0..events).map(|_| OutgoingEvent { id: id().into(), ..event(1) }).collect();
        // On a busy machine the service may notice first.
        eventually(TIMEOUT, || async {
            running.ready().await;
            jetstream.delete_stream(STREAM).await.expect("delete the stream");
            let answer = publish(&publisher, &events, 0, SendMode::Batch).await;
            (answer == refused(Failure::NoStream)).then_some(())
        })
        .await;
        // The service creates the stream again.
        running.ready().await;
    }
    nats.kill();
    let mut status = running.nats.status();
    status.wait_for(|status| !status.connected).await.expect("the status");
    assert_eq!(publish(&publisher, &[event(7)], 0, SendMode::Batch).await, refused(Failure::NotReady));
    running.stop().await;
}
