//! Three nodes, and nodes killed under load: nothing lost, nothing doubled, each user's events in order.

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

/// The whole test, on a busy machine.
const AT_MOST: Duration = Duration::from_secs(240);
/// Until the cluster has a new leader and the relay has published everything.
const PATIENCE: Duration = Duration::from_secs(90);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killing_nodes_loses_duplicates_and_reorders_no_event() {
    timeout(AT_MOST, kill_nodes()).await.expect("in time");
}

async fn kill_nodes() {
    let mut cluster = NatsCluster::start().await;
    let rig = Rig::with(Backend::Sqlite, as_publisher(&cluster)).await;
    let definition = desired(&rig.settings.stream).expect("the definition");
    assert_eq!(definition.num_replicas, 3);
    cluster
        .jetstream()
        .await
        .create_stream(definition)
        .await
        .expect("create the stream");
    let running = rig.start().await;
    running.ready().await;

    // A node that does not lead, then twice the one that does.
    for victim in [Victim::Follower, Victim::Leader, Victim::Leader] {
        cluster.in_sync(STREAM).await;
        let leader = cluster.leader(STREAM).await;
        let place = match victim {
            Victim::Leader => leader,
            Victim::Follower => (leader + 1) % 3,
        };
        let before = published(&rig).await;
        rig.record(6, 200).await;
        eventually(PATIENCE, || async { published(&rig).await > before }).await;
        cluster.node(place).kill();
        rig.record(6, 50).await;
        drained(&rig, &running).await;
        cluster.node(place).start_again().await;
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

fn as_publisher(cluster: &NatsCluster) -> Settings {
    let mut settings = settings(None);
    settings.nats.url = Some(SecretString::from(cluster.url()));
    settings.nats.user = Some("publisher".to_owned());
    settings.nats.password = Some(SecretString::from(password("publisher")));
    settings.stream.replicas = 3;
    settings
}

async fn published(rig: &Rig) -> i64 {
    let sql = "SELECT count(*) FROM events WHERE published_at IS NOT NULL";
    rig.database.count(sql).await.expect("count")
}

/// Waits until everything is published, with a node missing.
async fn drained(rig: &Rig, running: &Running) {
    eventually(PATIENCE, || async {
        let left = rig.database.unpublished().await.expect("count");
        let stream = running.nats.status().borrow().stream.clone();
        if left == 0 {
            Ok(())
        } else {
            Err(format!("{left} events wait: {stream:?}"))
        }
    })
    .await;
}
