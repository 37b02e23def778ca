//! Connections that lead to a standby, and a standby that is promoted.

use std::time::Duration;

use futures_util::future::join_all;
use watchword::store::StoreError;

use super::leases::takeover;
use super::rig::{CONNECTIONS, record, store_at};
use crate::support::postgres::{Durability, Postgres};
use crate::support::proxy::Proxy;
use crate::support::wait::eventually;

/// A proxy that moves to the new primary keeps the connections that it has, and so did the pool:
/// every write failed for as long as a connection lives.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_to_a_standby_are_not_kept() {
    let mut primary = Postgres::private(Durability::Fast).await;
    let direct = store_at(&primary.url("postgres")).await;
    direct.migrate_up().await.expect("migrate");
    direct.close().await;
    let standby = primary.standby().await;

    let proxy = Proxy::to(standby.port()).await;
    let store = store_at(&primary.url_through(proxy.port(), "postgres")).await;
    let refused = join_all((0..CONNECTIONS).map(|_| record(&store))).await;
    for result in refused {
        assert!(matches!(result, Err(StoreError::Unavailable(_))), "{result:?}");
    }
    proxy.lead_to(primary.port());
    for _ in 0..2 * CONNECTIONS {
        record(&store).await.expect("record on the primary");
    }
    store.close().await;
}

/// A standby grants advisory locks too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_leads_on_a_standby() {
    let mut primary = Postgres::private(Durability::Fast).await;
    let standby = primary.standby().await;
    let store = store_at(&standby.url("postgres")).await;
    let mut election = store.ledger().leader_election();
    let refused = election.try_acquire().await.map(|lease| lease.is_some());
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");

    standby.promote().await;
    takeover(&mut election).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_promotion_changes_the_identity_of_the_database() {
    let mut primary = Postgres::private(Durability::Fast).await;
    let standby = primary.standby().await;
    // An ordinary role may ask.
    primary.execute("postgres", "CREATE ROLE plain LOGIN").await.expect("a role");
    let url = primary.url("postgres").replace("watchword@", "plain@");
    let (before, copy) = (store_at(&url).await, store_at(&standby.url("postgres")).await);
    let original = before.database_identity().await.expect("an identity");
    assert_eq!(copy.database_identity().await.expect("an identity"), original);

    standby.promote().await;
    let promoted = copy.database_identity().await.expect("an identity");
    assert_eq!(promoted.system_identifier, original.system_identifier);
    assert_eq!(promoted.timeline, original.timeline + 1);
    assert_eq!(
        before.database_identity().await.expect("an identity"),
        original,
        "the primary is the same"
    );
    let mut election = copy.ledger().leader_election();
    let lease = election.try_acquire().await.expect("an answer").expect("the lease");
    assert_eq!(lease.database_identity().await.expect("an identity"), promoted);

    let other = Postgres::private(Durability::Fast).await;
    let other = store_at(&other.url("postgres")).await.database_identity().await.expect("an identity");
    assert_ne!(other.system_identifier, original.system_identifier);
}

/// Readers that follow the ledger do not go on behind events that the new primary lacks.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_of_the_ledger_falls_when_a_failover_has_lost_commits() {
    let mut primary = Postgres::private(Durability::Fast).await;
    let direct = store_at(&primary.url("postgres")).await;
    direct.migrate_up().await.expect("migrate");
    direct.close().await;
    let standby = primary.standby().await;
    standby.promote().await;

    let proxy = Proxy::to(primary.port()).await;
    let store = store_at(&primary.url_through(proxy.port(), "postgres")).await;
    for _ in 0..50 {
        record(&store).await.expect("record on the old primary");
    }
    let ledger = store.ledger();
    assert_eq!(ledger.high_watermark().await.expect("a sequence"), 50.into());
    proxy.lead_to(standby.port());
    proxy.reset_connections();
    eventually(Duration::from_secs(30), || async {
        match ledger.high_watermark().await {
            Ok(end) if end < 50.into() => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    // Sequences that the standby has given out ahead may be skipped.
    record(&store).await.expect("record on the new primary");
    let end = ledger.high_watermark().await.expect("a sequence");
    assert!(end > 0.into() && end < 50.into(), "{end}");
    store.close().await;
}
