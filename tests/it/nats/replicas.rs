//! A cluster in which one replica is behind the others: what it lacks is not taken for lost, deleted
//! or unpublished, whoever leads and wherever the relay is connected.

use std::time::Duration;

use secrecy::SecretString;
use tokio::time::timeout;
use watchword::jetstream::desired;

use super::cluster::as_publisher;
use crate::relay::rig::{Rig, Running, STREAM};
use crate::support::database::Backend;
use crate::support::invariants::differences;
use crate::support::nats_cluster::NatsCluster;

/// The timeout of a whole test, on a busy machine.
const TEST_TIMEOUT: Duration = Duration::from_secs(240);
/// So short that only the end of the stream prevents a second copy.
const DUPLICATE_WINDOW: Duration = Duration::from_millis(100);

async fn cluster() -> (NatsCluster, Rig) {
    let cluster = NatsCluster::start().await;
    let rig = Rig::with(Backend::Sqlite, as_publisher(&cluster)).await;
    let mut definition = desired(&rig.settings.stream).expect("the definition");
    definition.duplicate_window = DUPLICATE_WINDOW;
    cluster.jetstream().await.create_stream(definition).await.expect("create the stream");
    cluster.in_sync(STREAM).await;
    (cluster, rig)
}

/// Starts a relay that is connected to these nodes alone.
async fn start_at(rig: &mut Rig, cluster: &NatsCluster, nodes: &[usize]) -> Running {
    let urls: Vec<String> = nodes.iter().map(|node| cluster.nodes.get(*node).expect("one of three").url()).collect();
    rig.settings.nats.url = Some(SecretString::from(urls.join(",")));
    rig.start().await
}

/// Waits until everything is published, and checks the invariants. The stream has lost nothing, and
/// has never held anything else.
async fn assert_consistent(rig: &Rig, cluster: &NatsCluster, running: &Running) {
    rig.drained().await;
    let (ledger, messages) = (rig.database.ledger().await.expect("the ledger"), cluster.messages(STREAM).await);
    assert_eq!(differences(&ledger, &messages), Vec::<String>::new());
    let last = messages.last().map_or(0, |message| message.seq);
    assert_eq!(usize::try_from(last).expect("a number"), messages.len());
    let lost = running.metric("watchword_stream_lost_events_total");
    assert!(lost < f64::EPSILON, "{lost} events were taken for lost");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_that_is_behind_is_not_believed() {
    timeout(TEST_TIMEOUT, lagging_followers()).await.expect("in time");
}

async fn lagging_followers() {
    let (mut cluster, mut rig) = cluster().await;
    for round in 0..3 {
        cluster.in_sync(STREAM).await;
        let leader = cluster.leader(STREAM).await;
        let follower = (leader + 1 + round % 2) % 3;
        let running = start_at(&mut rig, &cluster, &[leader]).await;
        running.ready().await;
        cluster.node(follower).pause();
        rig.record(6, 200).await;
        rig.drained().await;
        // Killed: its last position may not be written.
        running.kill().await;
        cluster.node(follower).resume();
        let running = start_at(&mut rig, &cluster, &[follower]).await;
        rig.record(2, 5).await;
        assert_consistent(&rig, &cluster, &running).await;
        // The lead moves under load.
        rig.record(6, 100).await;
        cluster.move_leader(STREAM).await;
        rig.record(2, 5).await;
        assert_consistent(&rig, &cluster, &running).await;
        running.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_was_frozen_is_not_believed() {
    timeout(TEST_TIMEOUT, frozen_leaders()).await.expect("in time");
}

async fn frozen_leaders() {
    let (mut cluster, mut rig) = cluster().await;
    // The relay is connected to others, and to the leader itself, which knows the others.
    for distance in [1, 0] {
        cluster.in_sync(STREAM).await;
        let leader = cluster.leader(STREAM).await;
        let running = start_at(&mut rig, &cluster, &[(leader + distance) % 3]).await;
        running.ready().await;
        rig.record(3, 100).await;
        rig.drained().await;
        cluster.node(leader).pause();
        rig.record(6, 200).await;
        // Most of the wait is the cluster's election.
        rig.drained().await;
        running.kill().await;
        // It wakes, and believes for a moment that it leads and that nothing has happened.
        cluster.node(leader).resume();
        let running = start_at(&mut rig, &cluster, &[leader]).await;
        rig.record(2, 5).await;
        assert_consistent(&rig, &cluster, &running).await;
        running.stop().await;
    }
}
