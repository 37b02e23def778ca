//! Outages: NATS is down at the start, or killed or frozen under load, and the relay is killed
//! between publish and settle.

use std::time::Duration;

use secrecy::SecretString;

use super::rig::{Rig, TIMEOUT, settings};
use crate::support::database::Backend;
use crate::support::flow_tests;
use crate::support::nats::{NatsOptions, NatsServer};
use crate::support::proxy::Proxy;
use crate::support::wait::eventually;

/// Three pings, a reconnect and two timeouts; far less than the minutes after which the client
/// would notice by itself.
const VANISHED_TIMEOUT: Duration = Duration::from_secs(40);

flow_tests! {
    events_wait_until_nats_starts,
    repeated_crashes_of_nats_under_load_lose_no_event,
    repeated_crashes_of_the_relay_lose_no_event,
}

fn durable() -> NatsOptions {
    NatsOptions { sync_always: true, ..NatsOptions::default() }
}

async fn events_wait_until_nats_starts(backend: Backend) {
    let mut nats = NatsServer::not_started(durable());
    let rig = Rig::new(backend, &nats).await;
    let running = rig.start().await;
    rig.record(3, 40).await;
    eventually(TIMEOUT, || async { running.metric("watchword_outbox_pending_events") >= 120.0 }).await;
    assert_eq!(rig.database.unpublished().await.expect("count"), 120);
    assert!(!running.nats.status().borrow().connected);
    nats.start_again().await;
    rig.assert_consistent(&nats).await;
    running.stop().await;
}

async fn repeated_crashes_of_nats_under_load_lose_no_event(backend: Backend) {
    let mut nats = NatsServer::start_with(durable()).await;
    let rig = Rig::new(backend, &nats).await;
    let running = rig.start().await;
    for round in 0..4 {
        rig.record(6, 150).await;
        // Kill the server after some events are published and before all are.
        let before = 900 * round;
        eventually(TIMEOUT, || async {
            rig.database
                .count("SELECT count(*) FROM events WHERE seq <= (SELECT seq FROM relay_position)")
                .await
                .expect("count")
                > before
        })
        .await;
        nats.kill();
        rig.record(2, 20).await;
        nats.start_again().await;
    }
    rig.assert_consistent(&nats).await;
    running.stop().await;
}

async fn repeated_crashes_of_the_relay_lose_no_event(backend: Backend) {
    let nats = NatsServer::start().await;
    let rig = Rig::new(backend, &nats).await;
    for _ in 0..8 {
        rig.record(5, 150).await;
        let running = rig.start().await;
        running.ready().await;
        // Kill the relay at an arbitrary moment: before, during or after a publish.
        tokio::time::sleep(Duration::from_millis(15)).await;
        running.kill().await;
    }
    let running = rig.start().await;
    rig.assert_consistent(&nats).await;
    running.stop().await;
}

/// Nothing tells the client that the host at the other end has vanished.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_vanishes_without_a_word_is_left_within_seconds() {
    let nats = NatsServer::start_with(durable()).await;
    let proxy = Proxy::to(nats.port()).await;
    let mut settings = settings(Some(&nats));
    settings.nats.url = Some(SecretString::from(format!("nats://127.0.0.1:{}", proxy.port())));
    let rig = Rig::with(Backend::Sqlite, settings).await;
    let running = rig.start().await;
    rig.record(1, 1).await;
    rig.assert_consistent(&nats).await;

    proxy.silence();
    rig.record(3, 20).await;
    eventually(VANISHED_TIMEOUT, || async {
        rig.database.unpublished().await.is_ok_and(|count| count == 0)
    })
    .await;
    rig.assert_consistent(&nats).await;
    running.stop().await;
}

#[tokio::test]
async fn a_frozen_server_loses_and_duplicates_no_event() {
    // Single messages, and a batch.
    for count in [5, 50] {
        let nats = NatsServer::start_with(durable()).await;
        let rig = Rig::new(Backend::Sqlite, &nats).await;
        let running = rig.start().await;
        // The relay has compared ledger and stream, and publishes.
        rig.record(1, 1).await;
        rig.assert_consistent(&nats).await;
        nats.pause();
        rig.record(3, count).await;
        // Longer than the acknowledgement timeout, so that everything is sent again.
        let timed_out = r#"publish_failures_total{reason="ack_timeout"}"#;
        eventually(TIMEOUT, || async { running.metrics.render().contains(timed_out) }).await;
        nats.resume();
        rig.assert_consistent(&nats).await;
        running.stop().await;
    }
}
