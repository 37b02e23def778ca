//! A cluster of three nodes, of which nodes are killed under load. No event is lost or duplicated,
//! and each user's events stay in order.

use std::time::Duration;

use secrecy::SecretString;
use tokio::time::timeout;
use watchword::config::Settings;
use watchword::jetstream::desired;

use crate::relay::rig::{Rig, Running, STREAM, settings};
use crate::support::database::Backend;
use crate::support::invariants::differences;
use crate::support::nats_cluster::NatsCluster;
use crate::support::nats_users::password;
use crate::support::wait::eventually;

/// The timeout of the whole test, on a busy machine.
const TEST_TIMEOUT: Duration = Duration::from_secs(240);
/// How long the cluster may take to elect a leader, and the relay to publish everything.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(90);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killing_nodes_loses_duplicates_and_reorders_no_event() {
    timeout(TEST_TIMEOUT, kill_nodes()).await.expect("in time");
}

async fn kill_nodes() {
    let mut cluster = NatsCluster::start().await;
    let rig = Rig::with(Backend::Sqlite, as_publisher(&cluster)).await;
    let definition = desired(&rig.settings.stream).expect("the definition");
    assert_eq!(definition.num_replicas, 3);
    cluster.jetstream().await.create_stream(definition).await.expect("create the stream");
    let running = rig.start().await;
    running.ready().await;

    // First a follower, then the leader, twice.
    for victim in [Victim::Follower, Victim::Leader, Victim::Leader] {
        cluster.in_sync(STREAM).await;
        let leader = cluster.leader(STREAM).await;
        let index = match victim {
            Victim::Leader => leader,
            Victim::Follower => (leader + 1) % 3,
        };
        let before = published(&rig).await;
        rig.record(6, 200).await;
        eventually(DRAIN_TIMEOUT, || async { published(&rig).await > before }).await;
        cluster.node(index).kill();
        rig.record(6, 50).await;
        drained(&rig, &running).await;
        cluster.node(index).start_again().await;
    }
    cluster.in_sync(STREAM).await;
    let ledger = rig.database.ledger().await.expect("read the ledger");
    let messages = cluster.messages(STREAM).await;
    assert_eq!(differences(&ledger, &messages), Vec::<String>::new());
    assert_eq!((ledger.len(), messages.len()), (4500, 4500));
    running.stop().await;
}

enum Victim {
    Follower,
    Leader,
}

pub(super) fn as_publisher(cluster: &NatsCluster) -> Settings {
    let mut settings = settings(None);
    settings.nats.url = Some(SecretString::from(cluster.url()));
    settings.nats.user = Some("publisher".to_owned());
    settings.nats.password = Some(SecretString::from(password("publisher")));
    settings.stream.replicas = 3;
    settings
}

async fn published(rig: &Rig) -> i64 {
    let sql = "SELECT count(*) FROM events WHERE seq <= (SELECT seq FROM relay_position)";
    rig.database.count(sql).await.expect("count")
}

/// Waits until everything is published while a node is down.
async fn drained(rig: &Rig, running: &Running) {
    eventually(DRAIN_TIMEOUT, || async {
        let left = rig.database.unpublished().await.expect("count");
        let stream = running.nats.status().borrow().stream.clone();
        if left == 0 {
            Ok(())
        } else {
            Err(format!("{left} events are unpublished: {stream:?}"))
        }
    })
    .await;
}
