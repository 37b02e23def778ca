//! A backlog larger than the stream, and a consumer that reads it slowly: operators are told what the
//! relay waits for, and the consumer misses nothing.

use std::time::Duration;

use async_nats::jetstream::consumer::{Consumer, pull};
use futures_util::StreamExt as _;
use watchword::config::Settings;
use watchword::jetstream::desired;

use crate::replay::rig::{SEEDED, seed};
use crate::support::app::TestApp;
use crate::support::database::Backend;
use crate::support::flow_tests;
use crate::support::invariants::differences;
use crate::support::nats::{NatsServer, StreamMessage};
use crate::support::wait::eventually;

flow_tests! {
    a_slow_consumer_reads_a_backlog_five_times_the_stream,
}

const TIMEOUT: Duration = Duration::from_secs(60);
/// A fifth of the backlog.
const MAX_MSGS: i64 = 600;

/// A server with the stream and a durable that has read nothing.
async fn with_durable() -> NatsServer {
    let nats = NatsServer::start().await;
    let mut stream = Settings::load_from(None, []).expect("the defaults").stream;
    stream.max_msgs = MAX_MSGS;
    let jetstream = nats.jetstream().await;
    let created = jetstream.create_stream(desired(&stream).expect("the definition")).await;
    let config = pull::Config {
        durable_name: Some("slow".to_owned()),
        ..pull::Config::default()
    };
    created.expect("create the stream").create_consumer(config).await.expect("a consumer");
    nats
}

/// Reads `count` messages as the durable.
async fn read(nats: &NatsServer, count: usize) -> Vec<StreamMessage> {
    let stream = nats.jetstream().await.get_stream("auth-events").await.expect("the stream");
    let consumer: Consumer<pull::Config> = stream.get_consumer("slow").await.expect("the consumer");
    let mut messages = consumer.messages().await.expect("messages");
    let mut seen = Vec::with_capacity(count);
    while seen.len() < count {
        let next = tokio::time::timeout(TIMEOUT, messages.next()).await.expect("in time");
        let message = next.expect("a message").expect("a message");
        message.ack().await.expect("ack");
        seen.push(StreamMessage::of(&message));
    }
    seen
}

async fn a_slow_consumer_reads_a_backlog_five_times_the_stream(backend: Backend) {
    let mut nats = with_durable().await;
    nats.stop().await;
    let builder = TestApp::builder(backend)
        .nats(nats)
        .settings(|settings| settings.stream.max_msgs = MAX_MSGS);
    let mut app = builder.spawn().await;
    seed(&app.database).await;
    app.nats.start_again().await;

    // Nothing is read until the relay says what it waits for.
    eventually(TIMEOUT, || async {
        let ready = app.get("/readyz").await;
        match ready.text.contains("as the durable consumer slow reads") && ready.status == 200 {
            true => Ok(()),
            false => Err(ready.text),
        }
    })
    .await;
    assert!(app.metric("watchword_relay_blocked_seconds", "reason=\"consumers\"").await > 0.0);
    assert!(app.metric("watchword_outbox_pending_events", "").await > 0.0);
    let seen = read(&app.nats, SEEDED).await;
    assert_eq!(differences(&app.ledger().await, &seen), Vec::<String>::new());

    app.ledger_drained().await;
    eventually(TIMEOUT, || async {
        app.get("/readyz").await.text.contains("flowing")
            && app.metric("watchword_relay_blocked_seconds", "").await < f64::EPSILON
    })
    .await;
    assert!(app.metric("watchword_event_discarded_unread_total", "").await < f64::EPSILON);
    // The stream itself holds the last events alone.
    app.abandon().await;
}
