//! A backlog that is larger than the stream waits for consumers to read.

use std::collections::BTreeSet;
use std::time::Duration;

use async_nats::jetstream::consumer::pull;
use futures_util::StreamExt as _;

use super::rig::{Rig, STREAM, TIMEOUT, settings};
use crate::support::database::Backend;
use crate::support::nats::NatsServer;
use crate::support::wait::eventually;

const EVENTS: usize = 4000;

async fn rig(nats: &NatsServer, patience: Duration) -> Rig {
    let mut settings = settings(Some(nats));
    settings.stream.max_msgs = 500;
    settings.stream.consumer_patience = patience;
    let rig = Rig::with(Backend::Sqlite, settings).await;
    let definition = watchword::jetstream::desired(&rig.settings.stream).expect("the definition");
    nats.jetstream().await.create_stream(definition).await.expect("create the stream");
    rig.record(40, 100).await;
    rig
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_consumer_sees_a_backlog_of_eight_times_the_stream() {
    let nats = NatsServer::start().await;
    let rig = rig(&nats, Duration::from_secs(120)).await;
    let stream = nats.jetstream().await.get_stream(STREAM).await.expect("the stream");
    let config = pull::Config {
        durable_name: Some("slow".to_owned()),
        ..pull::Config::default()
    };
    let consumer = stream.create_consumer(config).await.expect("a consumer");
    let reader = tokio::spawn(async move {
        let mut messages = consumer.messages().await.expect("messages");
        let mut seen = BTreeSet::new();
        while seen.len() < EVENTS {
            let next = tokio::time::timeout(Duration::from_secs(10), messages.next()).await;
            let Ok(Some(Ok(message))) = next else { break };
            seen.insert(message.info().expect("info").stream_sequence);
            tokio::time::sleep(Duration::from_micros(300)).await;
            message.ack().await.expect("ack");
        }
        seen.len()
    });
    let running = rig.start().await;
    rig.drained().await;
    assert_eq!(reader.await.expect("the reader"), EVENTS);
    let discarded = r#"event_discarded_unread_total{durable="slow"}"#;
    assert!(!running.metrics.render().contains(discarded));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_that_does_not_read_is_waited_for_only_so_long() {
    let nats = NatsServer::start().await;
    let rig = rig(&nats, Duration::from_secs(1)).await;
    let stream = nats.jetstream().await.get_stream(STREAM).await.expect("the stream");
    let config = pull::Config {
        durable_name: Some("asleep".to_owned()),
        ..pull::Config::default()
    };
    stream.create_consumer(config).await.expect("a consumer");
    let running = rig.start().await;
    rig.drained().await;
    let discarded = r#"watchword_event_discarded_unread_total{durable="asleep"}"#;
    eventually(TIMEOUT, || async { running.metrics.render().contains(discarded) }).await;
    running.stop().await;
}
