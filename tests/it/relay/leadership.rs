//! Several relays over one database: one publishes, and another takes over.

use super::rig::{Rig, SOON};
use crate::support::database::Backend;
use crate::support::nats::NatsServer;
use crate::support::wait::eventually;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_leads_and_the_other_takes_over() {
    let nats = NatsServer::start().await;
    let rig = Rig::new(Backend::Postgres, &nats).await;
    let (first, second) = (rig.start().await, rig.start().await);
    let leads = |running: &super::rig::Running| running.metric("watchword_relay_leader") > 0.5;
    eventually(SOON, || async { leads(&first) || leads(&second) }).await;
    rig.record(3, 100).await;
    rig.agrees_with(&nats).await;
    assert!(leads(&first) != leads(&second));
    let (leader, other) = if leads(&first) {
        (first, second)
    } else {
        (second, first)
    };
    leader.kill().await;
    rig.record(3, 100).await;
    rig.agrees_with(&nats).await;
    assert!(leads(&other));
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_whose_session_is_cut_stops_leading_and_nothing_is_doubled() {
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
        rig.agrees_with(&nats).await;
    }
    let leads = |running: &super::rig::Running| running.metric("watchword_relay_leader") > 0.5;
    eventually(SOON, || async { leads(&first) != leads(&second) }).await;
    first.stop().await;
    second.stop().await;
}
