//! Several relays share a database: one publishes, and another takes over.

use super::rig::{Rig, TIMEOUT};
use crate::support::database::Backend;
use crate::support::nats::NatsServer;
use crate::support::wait::eventually;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_instance_leads_and_another_takes_over() {
    let nats = NatsServer::start().await;
    let rig = Rig::new(Backend::Postgres, &nats).await;
    let (first, second) = (rig.start().await, rig.start().await);
    let leads = |running: &super::rig::Running| running.metric("watchword_relay_leader") > 0.5;
    eventually(TIMEOUT, || async { leads(&first) || leads(&second) }).await;
    rig.record(3, 100).await;
    rig.assert_consistent(&nats).await;
    assert!(leads(&first) != leads(&second));
    let (leader, other) = if leads(&first) {
        (first, second)
    } else {
        (second, first)
    };
    leader.kill().await;
    rig.record(3, 100).await;
    rig.assert_consistent(&nats).await;
    assert!(leads(&other));
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_uses_one_connection() {
    let nats = NatsServer::start().await;
    let rig = Rig::new(Backend::Postgres, &nats).await;
    let ledger = rig.ledger();
    let (mut first, mut second) = (ledger.leader_election(), ledger.leader_election());
    let lease = first.try_acquire().await.expect("an answer").expect("the first lease");
    let waiting_session = "SELECT coalesce(min(pid), 0)::bigint FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle' \
                  AND query LIKE 'SELECT pg_try_advisory_lock%' \
                  AND pid NOT IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory')";
    let mut sessions = Vec::new();
    for _ in 0..2 {
        assert!(second.try_acquire().await.expect("an answer").is_none());
        sessions.push(rig.database.count(waiting_session).await.expect("a number"));
    }
    assert!(sessions[0] > 0 && sessions[0] == sessions[1], "{sessions:?}");

    // A session that was ended is replaced. The lease is free for the next instance.
    rig.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() \
         AND (query LIKE 'SELECT pg_try_advisory_lock%' OR pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory'))",
    )
    .await;
    assert!(second.try_acquire().await.is_err());
    assert!(second.try_acquire().await.expect("an answer").is_some());
    drop(lease);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_without_its_session_stops_publishing() {
    let nats = NatsServer::start().await;
    let rig = Rig::new(Backend::Postgres, &nats).await;
    let (first, second) = (rig.start().await, rig.start().await);
    for _ in 0..3 {
        rig.record(3, 200).await;
        rig.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted \
             AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
        )
        .await;
        rig.assert_consistent(&nats).await;
    }
    let leads = |running: &super::rig::Running| running.metric("watchword_relay_leader") > 0.5;
    eventually(TIMEOUT, || async { leads(&first) != leads(&second) }).await;
    first.stop().await;
    second.stop().await;
}
