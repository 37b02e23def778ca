//! Publications that are refused again and again: the relay asks less and less often, says why
//! nothing is published, and goes on soon when nothing refuses it any longer.

use std::time::{Duration, Instant};

use async_nats::HeaderMap;
use async_nats::jetstream::stream::{Config, DiscardPolicy};
use tokio_util::sync::CancellationToken;
use watchword::jetstream::desired;

use super::rig::{RECOVERY, Rig, Running, STREAM, TIMEOUT};
use crate::support::database::Backend;
use crate::support::flow_tests;
use crate::support::nats::NatsServer;
use crate::support::wait::eventually;

flow_tests! {
    a_full_stream_is_asked_less_and_less_often,
    a_message_that_the_stream_has_forgotten_is_tried_until_its_id_is_free,
    a_flood_of_foreign_messages_is_passed,
}

/// How long the relay is refused.
const REFUSED: Duration = Duration::from_secs(4);
/// The most attempts in this time: the interval doubles, from 100 ms less a half on.
const MAX_ATTEMPTS: f64 = 12.0;

/// The sum of a metric over all labels.
fn total(running: &Running, name: &str) -> f64 {
    let text = running.metrics.render();
    let values = text.lines().filter(|line| line.starts_with(name));
    values.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

/// Counts how often the stream was asked for its end since the count was `before`.
fn attempts(running: &Running, before: f64) -> f64 {
    running.metric("watchword_relay_resumes_total") - before
}

/// Waits while the relay is refused, and checks that it tries seldom and says why.
async fn refused(running: &Running, reason: &str) {
    let before = running.metric("watchword_relay_resumes_total");
    tokio::time::sleep(REFUSED).await;
    let attempts = attempts(running, before);
    assert!((2.0..=MAX_ATTEMPTS).contains(&attempts), "{attempts} attempts in {REFUSED:?}");
    let blocked = format!("watchword_relay_blocked_seconds{{reason=\"{reason}\"}}");
    assert!(total(running, &blocked) > 1.0, "not told: {reason}\n{}", running.metrics.render());
}

/// Waits until everything is published, which must not take long.
async fn recovers(rig: &Rig, running: &Running) {
    let begun = Instant::now();
    rig.drained().await;
    assert!(begun.elapsed() < RECOVERY, "{:?}", begun.elapsed());
    eventually(TIMEOUT, || async { total(running, "watchword_relay_blocked_seconds") < f64::EPSILON }).await;
}

async fn create(rig: &Rig, nats: &NatsServer, change: impl FnOnce(&mut Config)) -> Config {
    let mut definition = desired(&rig.settings.stream).expect("the definition");
    change(&mut definition);
    let jetstream = nats.jetstream().await;
    jetstream.create_stream(definition.clone()).await.expect("create the stream");
    definition
}

async fn a_full_stream_is_asked_less_and_less_often(backend: Backend) {
    let nats = NatsServer::start().await;
    let rig = Rig::new(backend, &nats).await;
    let mut definition = create(&rig, &nats, |config| {
        config.discard = DiscardPolicy::New;
        config.max_messages = 100;
    })
    .await;
    rig.record(2, 50).await;
    let running = rig.start().await;
    rig.assert_consistent(&nats).await;
    // Single messages, and a batch.
    for (count, max) in [(1, 200), (50, -1)] {
        rig.record(2, count).await;
        eventually(TIMEOUT, || async { total(&running, "watchword_event_publish_failures_total") > 0.0 }).await;
        refused(&running, "refused_by_server").await;
        definition.max_messages = max;
        nats.jetstream().await.update_stream(&definition).await.expect("make room");
        recovers(&rig, &running).await;
        rig.record(2, if max < 0 { 0 } else { 49 }).await;
        rig.assert_consistent(&nats).await;
    }
    running.stop().await;
}

/// The stream has deleted the message and still knows its id.
async fn a_message_that_the_stream_has_forgotten_is_tried_until_its_id_is_free(backend: Backend) {
    let nats = NatsServer::start().await;
    let rig = Rig::new(backend, &nats).await;
    create(&rig, &nats, |config| config.duplicate_window = REFUSED + Duration::from_secs(2)).await;
    rig.record(1, 1).await;
    let ledger = rig.database.ledger().await.expect("the ledger");
    let mut headers = HeaderMap::new();
    headers.insert("Nats-Msg-Id", ledger.first().expect("an event").id.to_string());
    let jetstream = nats.jetstream().await;
    let sent = jetstream.publish_with_headers("auth.user.logged_in", headers, "{}".into()).await;
    let stored = sent.expect("publish").await.expect("an acknowledgement").sequence;
    let stream = jetstream.get_stream(STREAM).await.expect("the stream");
    stream.delete_message(stored).await.expect("delete the message");

    let running = rig.start().await;
    eventually(TIMEOUT, || async { total(&running, "watchword_event_publish_failures_total") > 0.0 }).await;
    refused(&running, "duplicate").await;
    recovers(&rig, &running).await;
    rig.record(2, 20).await;
    rig.assert_consistent(&nats).await;
    running.stop().await;
}

/// Others publish faster than the relay reads.
async fn a_flood_of_foreign_messages_is_passed(backend: Backend) {
    const FLOOD: &str = "auth.user.flood";
    let nats = NatsServer::start().await;
    let rig = Rig::new(backend, &nats).await;
    rig.record(2, 20).await;
    let running = rig.start().await;
    rig.assert_consistent(&nats).await;

    let (client, stop) = (nats.client().await, CancellationToken::new());
    let stopped = stop.clone();
    let flood = tokio::spawn(async move {
        while !stopped.is_cancelled() {
            for _ in 0..5 {
                client.publish(FLOOD, "{}".into()).await.expect("publish");
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        client.flush().await.expect("flush");
    });
    let foreign = "watchword_stream_foreign_messages_total";
    rig.record(2, 20).await;
    eventually(TIMEOUT, || async { running.metric(foreign) > 0.0 }).await;
    let before = running.metric("watchword_relay_resumes_total");
    tokio::time::sleep(REFUSED).await;
    let attempts = attempts(&running, before);
    assert!(attempts <= MAX_ATTEMPTS, "{attempts} attempts in {REFUSED:?}");
    stop.cancel();
    flood.await.expect("the flood");
    rig.drained().await;
    let stream = nats.jetstream().await.get_stream(STREAM).await.expect("the stream");
    stream.purge().filter(FLOOD).await.expect("remove what is not ours");
    rig.assert_consistent(&nats).await;
    running.stop().await;
}
