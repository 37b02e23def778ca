//! The database's host vanishes without a word, and another one answers under the same address.

use std::time::Duration;

use futures_util::future::join_all;
use sqlx::{Connection as _, Executor as _, PgConnection};
use watchword::store::{Store, StoreError};

use super::rig::{ACQUIRE_TIMEOUT, CONNECTIONS, STATEMENT_MARGIN, STATEMENT_TIMEOUT, record, store_at};
use crate::support::database::{Backend, Database};
use crate::support::postgres::Postgres;
use crate::support::proxy::Proxy;
use crate::support::row_lock::wait_until_blocked;
use crate::support::run_dir::scratch;
use crate::support::wait::eventually;

/// What a busy machine may add.
const ALLOWANCE: Duration = Duration::from_secs(10);
/// A connection that was idle for longer is checked before its next use.
const LONG_IDLE: Duration = Duration::from_millis(1200);

async fn behind_a_proxy() -> (Store, Database, Proxy) {
    let server = Postgres::shared().await;
    let database = Database::fresh(Backend::Postgres, &scratch("vanished")).await;
    let proxy = Proxy::to(server.port()).await;
    let name = database.url().and_then(|url| url.rsplit('/').next()).expect("a name");
    let store = store_at(&server.url_through(proxy.port(), name)).await;
    (store, database, proxy)
}

/// Records an event on every connection while the ledger is locked, so that each waits for an
/// answer.
fn record_on_all(store: &Store) -> Vec<tokio::task::JoinHandle<Result<(), StoreError>>> {
    (0..CONNECTIONS)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { record(&store).await })
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statements_in_flight_end_and_the_next_host_is_used() {
    let (store, database, proxy) = behind_a_proxy().await;
    let mut holder = PgConnection::connect(database.url().expect("a URL")).await.expect("connect");
    holder
        .execute("BEGIN; LOCK TABLE events IN ACCESS EXCLUSIVE MODE")
        .await
        .expect("lock the ledger");
    let in_flight = record_on_all(&store);
    wait_until_blocked(&database, i64::from(CONNECTIONS)).await;

    proxy.silence();
    let recovered = async {
        holder.execute("ROLLBACK").await.expect("unlock the ledger");
        let recovery = ACQUIRE_TIMEOUT + STATEMENT_TIMEOUT + STATEMENT_MARGIN;
        eventually(recovery + ALLOWANCE, || record(&store)).await;
    };
    let (ended, ()) = tokio::join!(join_all(in_flight), recovered);
    for result in ended {
        let result = result.expect("no panic");
        assert!(matches!(result, Err(StoreError::Unavailable(_))), "{result:?}");
    }
    store.close().await;
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_without_an_answer_ends() {
    let (store, database, proxy) = behind_a_proxy().await;
    record(&store).await.expect("record");
    proxy.drop_answers(true);
    let result = tokio::time::timeout(STATEMENT_TIMEOUT + STATEMENT_MARGIN + ACQUIRE_TIMEOUT, record(&store)).await;
    let result = result.expect("an end in time");
    assert!(matches!(result, Err(StoreError::Unavailable(_))), "{result:?}");
    proxy.drop_answers(false);
    record(&store).await.expect("record again");
    store.close().await;
    database.remove().await;
}

/// One wait covers the checks of all connections, and the first dead one tells about the others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_idle_connections_cost_one_check() {
    let (store, database, proxy) = behind_a_proxy().await;
    let all = (0..CONNECTIONS).map(|_| record(&store));
    for result in join_all(all).await {
        result.expect("record");
    }
    let opened = proxy.accepted();
    assert!(opened > 4, "{opened} connections");

    proxy.silence();
    // There is nothing to wait for: idle is what nothing happens to.
    tokio::time::sleep(LONG_IDLE).await;
    let answer = tokio::time::timeout(ACQUIRE_TIMEOUT, record(&store)).await;
    answer.expect("one wait for a connection").expect("record");
    assert_eq!(proxy.accepted(), opened + 1, "one new connection");
    store.close().await;
    database.remove().await;
}
