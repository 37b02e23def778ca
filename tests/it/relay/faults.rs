//! Outages: NATS down at the start, killed and paused under load; the relay killed between publish and settle.

use std::time::Duration;

use super::rig::{Rig, SOON};
use crate::support::database::Backend;
use crate::support::flow_tests;
use crate::support::nats::{NatsOptions, NatsServer};
use crate::support::wait::eventually;

flow_tests! {
    events_wait_until_nats_starts,
    repeated_crashes_of_nats_under_load_lose_no_event,
    repeated_crashes_of_the_relay_lose_no_event,
}

fn durable() -> NatsOptions {
    NatsOptions {
        sync_always: true,
        ..NatsOptions::default()
    }
}

async fn events_wait_until_nats_starts(backend: Backend) {
    let mut nats = NatsServer::not_started(durable());
    let rig = Rig::new(backend, &nats).await;
    let running = rig.start().await;
    rig.record(3, 40).await;
    eventually(SOON, || async { running.metric("watchword_outbox_pending") >= 120.0 }).await;
    assert_eq!(rig.database.unpublished().await.expect("count"), 120);
    assert!(!running.nats.status().borrow().connected);
    nats.start_again().await;
    rig.agrees_with(&nats).await;
    running.stop().await;
}

async fn repeated_crashes_of_nats_under_load_lose_no_event(backend: Backend) {
    let mut nats = NatsServer::start_with(durable()).await;
    let rig = Rig::new(backend, &nats).await;
    let running = rig.start().await;
    for round in 0..4 {
        rig.record(6, 150).await;
        // Wait for the middle of it, then pull the plug.
        let before = 900 * round;
        eventually(SOON, || async {
            rig.database
                .count("SELECT count(*) FROM events WHERE published_at IS NOT NULL")
                .await
                .expect("count")
                > before
        })
        .await;
        nats.kill();
        rig.record(2, 20).await;
        nats.start_again().await;
    }
    rig.agrees_with(&nats).await;
    running.stop().await;
}

async fn repeated_crashes_of_the_relay_lose_no_event(backend: Backend) {
    let nats = NatsServer::start().await;
    let rig = Rig::new(backend, &nats).await;
    for _ in 0..8 {
        rig.record(5, 150).await;
        let running = rig.start().await;
        running.ready().await;
        // Somewhere in the work: before, in the middle of or after a publish.
        tokio::time::sleep(Duration::from_millis(15)).await;
        running.kill().await;
    }
    let running = rig.start().await;
    rig.agrees_with(&nats).await;
    running.stop().await;
}

#[tokio::test]
async fn a_frozen_server_loses_and_duplicates_no_event() {
    // One by one, and as a batch.
    for count in [5, 50] {
        let nats = NatsServer::start_with(durable()).await;
        let rig = Rig::new(Backend::Sqlite, &nats).await;
        let running = rig.start().await;
        // Compared, publishing.
        rig.record(1, 1).await;
        rig.agrees_with(&nats).await;
        nats.pause();
        rig.record(3, count).await;
        // Longer than the wait for an acknowledgement, so that everything is sent again.
        let timed_out = r#"publish_failures_total{reason="ack_timeout"}"#;
        eventually(SOON, || async { running.metrics.render().contains(timed_out) }).await;
        nats.resume();
        rig.agrees_with(&nats).await;
        running.stop().await;
    }
}
