//! Events reach the stream in the order of the ledger, also when their transactions end in another.

use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

use super::rig::{Rig, STREAM, TIMEOUT, id};
use crate::support::database::Backend;
use crate::support::nats::NatsServer;
use crate::support::wait::eventually;

fn event(user: uuid::Uuid, user_seq: u32) -> AssertSqlSafe<String> {
    AssertSqlSafe(format!(
        "INSERT INTO events (id, subject, user_id, user_seq, schema_version, payload, occurred_at) \
         VALUES ('{}', 'auth.user.logged_in', '{user}', {user_seq}, 1, '{{}}', 0)",
        id()
    ))
}

/// The first event of a user is committed after many of others and before the second one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_overtakes_an_event_of_an_open_transaction() {
    let nats = NatsServer::start().await;
    let rig = Rig::new(Backend::Postgres, &nats).await;
    rig.record(2, 10).await;
    let url = rig.database.url().expect("a server").to_owned();
    let mut slow = PgConnection::connect(&url).await.expect("connect");
    let user = id();
    slow.execute("BEGIN").await.expect("begin");
    slow.execute(event(user, 1)).await.expect("insert");
    rig.record(30, 100).await;
    let running = rig.start().await;
    eventually(TIMEOUT, || async { nats.messages(STREAM).await.len() == 20 }).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(nats.messages(STREAM).await.len(), 20, "an event overtook the open transaction");
    let blocked = r#"watchword_relay_blocked_seconds{reason="transaction"}"#;
    let seconds = running
        .metrics
        .render()
        .lines()
        .find_map(|line| line.strip_prefix(blocked)?.trim().parse().ok());
    assert!(seconds.is_some_and(|seconds: f64| seconds > 0.0), "{seconds:?}");
    slow.execute("COMMIT").await.expect("commit");
    slow.execute(event(user, 2)).await.expect("insert");
    assert_eq!(rig.assert_consistent(&nats).await.len(), 3022);
    running.stop().await;
}

/// A number that no event will ever have holds nothing up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolled_back_event_leaves_a_gap_that_is_passed() {
    let nats = NatsServer::start().await;
    let rig = Rig::new(Backend::Postgres, &nats).await;
    let running = rig.start().await;
    for _ in 0..3 {
        rig.record(1, 5).await;
        rig.execute(&format!("BEGIN; {}; ROLLBACK", event(id(), 1).0)).await;
    }
    rig.record(1, 5).await;
    assert_eq!(rig.assert_consistent(&nats).await.len(), 20);
    running.stop().await;
}
