//! The lease of a leader that vanishes, freezes, or never was alone.

use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use watchword::store::{LeaderElection, LeaderLease, StoreError};

use super::rig::store_at;
use crate::support::postgres::{Durability, Postgres};
use crate::support::proxy::Proxy;
use crate::support::wait::within;

/// How long another instance may take to lead when the leader's host has vanished.
const TAKEOVER: Duration = Duration::from_secs(15);
/// As of the relay, but shorter.
const ATTEMPT_INTERVAL: Duration = Duration::from_millis(200);
/// The clock ticks in which the kernel tells how long a timer has to go: 100 a second.
const FIVE_SECONDS: u64 = 500;
/// The timer that runs on a socket is that of its keepalive.
const KEEPALIVE: &str = "02";

/// The proxy's kernel still answers for the leader, as a load balancer's would: TCP sees nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_instance_leads_when_the_leaders_host_is_silent() {
    let server = Postgres::private(Durability::Fast).await;
    let proxy = Proxy::to(server.port()).await;
    let (far, near) = (
        store_at(&server.url_through(proxy.port(), "postgres")).await,
        store_at(&server.url("postgres")).await,
    );
    let (mut first, mut second) = (far.ledger().leader_election(), near.ledger().leader_election());
    let lease = first.try_acquire().await.expect("an answer").expect("the lease");
    lease.check().await.expect("a confirmed lease");
    assert!(second.try_acquire().await.expect("an answer").is_none());

    proxy.silence();
    let second_lease = takeover(&mut second).await;
    second_lease.check().await.expect("a confirmed lease");
    let lost = lease.check().await;
    assert!(matches!(lost, Err(StoreError::Unavailable(_))), "{lost:?}");
}

/// Stands for election until this candidate leads.
pub(super) async fn takeover(election: &mut LeaderElection) -> LeaderLease {
    let elected = async {
        loop {
            if let Ok(Some(lease)) = election.try_acquire().await {
                return lease;
            }
            tokio::time::sleep(ATTEMPT_INTERVAL).await;
        }
    };
    tokio::time::timeout(TAKEOVER, elected).await.expect("the lease in time")
}

/// The server's kernel asks the client's whether it is there, every few seconds and not after two
/// hours.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_watches_every_connection() {
    let server = Postgres::private(Durability::Fast).await;
    let store = store_at(&server.url("postgres")).await;
    let mut election = store.ledger().leader_election();
    let _lease = election.try_acquire().await.expect("an answer").expect("the lease");
    store.ping().await.expect("a connection of the pool");
    let timers = within(TAKEOVER, || async {
        let timers = timers(server.port());
        // The connections of the start's probe may still be closing.
        if timers.iter().all(|(kind, left)| kind == KEEPALIVE && *left <= FIVE_SECONDS) && timers.len() == 2 {
            Ok(())
        } else {
            Err(format!("{timers:?}"))
        }
    });
    timers.await.expect("a timer of at most five seconds for the lease and for the pool");
}

/// Returns the timers of the established sockets of a server: their kind, and the ticks left.
fn timers(port: u16) -> Vec<(String, u64)> {
    let table = std::fs::read_to_string("/proc/net/tcp").expect("read /proc/net/tcp");
    let local = format!("0100007F:{port:04X}");
    let sockets = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    sockets
        .filter(|fields| fields.get(1) == Some(&local.as_str()) && fields.get(3) == Some(&"01"))
        .map(|fields| {
            let (kind, left) = fields.get(5).and_then(|timer| timer.split_once(':')).expect("a timer");
            (kind.to_owned(), u64::from_str_radix(left, 16).expect("ticks"))
        })
        .collect()
}

/// A session without the lock does not lead, even if it answers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_without_its_lock_does_not_lead() {
    let server = Postgres::private(Durability::Fast).await;
    let store = store_at(&server.url("postgres")).await;
    let mut election = store.ledger().leader_election();
    let lease = election.try_acquire().await.expect("an answer").expect("the lease");
    let mut operator = PgConnection::connect(&server.url("postgres")).await.expect("connect");
    let pid: i32 = sqlx::query_scalar("SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted")
        .fetch_one(&mut operator)
        .await
        .expect("the leader's session");
    operator
        .execute(AssertSqlSafe(format!("SELECT pg_terminate_backend({pid})")))
        .await
        .expect("end the session");
    let lost = lease.check().await;
    assert!(matches!(lost, Err(StoreError::Unavailable(_))), "{lost:?}");
    takeover(&mut election).await;
}

/// Two installations in one database, each in a schema of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_schema_has_a_leader() {
    let server = Postgres::private(Durability::Fast).await;
    let first = store_at(&server.url("postgres")).await;
    let mut connection = PgConnection::connect(&server.url("postgres")).await.expect("connect");
    connection.execute("CREATE SCHEMA other").await.expect("a schema");
    let other = store_at(&format!("{}?options=-csearch_path%3Dother", server.url("postgres"))).await;
    for store in [&first, &other] {
        store.migrate_up().await.expect("migrate");
    }
    let (mut one, mut two) = (first.ledger().leader_election(), other.ledger().leader_election());
    let lease = one.try_acquire().await.expect("an answer").expect("the lease of the first");
    let second_lease = two.try_acquire().await.expect("an answer").expect("the lease of the other");
    lease.check().await.expect("a confirmed lease");
    second_lease.check().await.expect("a confirmed lease");
    assert!(first.ledger().leader_election().try_acquire().await.expect("an answer").is_none());
}
