//! A transaction that is dropped, or of which a statement failed, leaves nothing behind and does
//! not report a commit.

use std::time::Duration;

use secrecy::SecretString;
use watchword::domain::clock::{Clock as _, SystemClock};
use watchword::domain::ids::UserId;
use watchword::domain::random::SystemRandom;
use watchword::domain::request_metadata::RequestMetadata;
use watchword::domain::user::account_type::AccountType;
use watchword::domain::user::profile::Profile;
use watchword::domain::user::role::Role;
use watchword::store::{Conflict, NewUser, Store, StoreError, UserChange};
use watchword_events::{AuthEvent, IdentifierHash, LoginFailed, LoginFailedReason};

use crate::relay::rig::{open, settings};
use crate::support::database::{Backend, Database};
use crate::support::postgres::Postgres;
use crate::support::proxy::Proxy;
use crate::support::run_dir::scratch;

/// The latency in each direction.
const LATENCY: Duration = Duration::from_millis(10);
const ROUNDS: u32 = 30;

/// Returns a store with one connection, over a slow network.
async fn start_with_slow_network() -> (Store, Database, Proxy) {
    let server = Postgres::shared().await.port();
    let database = Database::fresh(Backend::Postgres, &scratch("dropped")).await;
    let proxy = Proxy::to(server).await;
    let url = database.url().expect("a PostgreSQL database");
    let far = format!("127.0.0.1:{server}/");
    assert!(url.contains(&far), "{url}");
    let mut settings = settings(None);
    let near = url.replace(&far, &format!("127.0.0.1:{}/", proxy.port()));
    settings.database.url = Some(SecretString::from(near));
    settings.database.max_connections = 1;
    let store = open(&settings).await;
    store.ping().await.expect("a connection");
    proxy.set_latency(LATENCY);
    (store, database, proxy)
}

fn event() -> AuthEvent {
    AuthEvent::LoginFailed(LoginFailed {
        identifier_hash: IdentifierHash::from_mac([7; 32]),
        reason: LoginFailedReason::UnknownAccount,
        ip: None,
        user_agent: None,
    })
}

async fn record(store: &Store, metadata: &RequestMetadata) {
    let mut tx = store.begin_system(SystemClock.now(), metadata).await.expect("begin");
    tx.record(event()).await.expect("record");
    tx.commit().await.expect("commit");
}

/// Begins a transaction and records an event, and drops it after `timeout`, at any statement.
async fn record_and_drop(store: &Store, metadata: &RequestMetadata, timeout: Duration) {
    let work = async {
        let mut tx = store.begin_system(SystemClock.now(), metadata).await.expect("begin");
        tx.record(event()).await.expect("record");
        std::future::pending::<()>().await;
    };
    tokio::time::timeout(timeout, work).await.expect_err("the work never ends");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_transaction_leaves_no_state_to_the_next() {
    let (store, database, _proxy) = start_with_slow_network().await;
    let metadata = RequestMetadata::default();
    for round in 0..ROUNDS {
        // BEGIN and INSERT take 20 ms each. The drops fall into each of them, between them and
        // after them.
        record_and_drop(&store, &metadata, Duration::from_millis(u64::from(round % 10) * 6)).await;
        record(&store, &metadata).await;
    }
    let rows = database.count("SELECT count(*) FROM events").await.expect("count");
    assert_eq!(rows, i64::from(ROUNDS), "one event for each commit");
    store.close().await;
}

fn user(email: &str) -> NewUser {
    NewUser {
        id: UserId::new_v7(SystemClock.now(), &SystemRandom::default()),
        email: email.parse().expect("an address"),
        username: None,
        name: None,
        account_type: AccountType::user(),
        profile: Profile::default(),
        roles: vec![Role::User],
        password_hash: SecretString::from("none"),
    }
}

/// For a transaction with a failed statement, PostgreSQL answers COMMIT with `ROLLBACK` and without
/// an error.
#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_with_a_failed_statement_does_not_report_a_commit() {
    let (store, database, proxy) = start_with_slow_network().await;
    proxy.set_latency(Duration::ZERO);
    let request = RequestMetadata::default();
    let insert = async |email: &str| {
        let tx = store.begin(SystemClock.now(), &request).await.expect("begin");
        let mut tx = tx.insert_user(user(email)).await.expect("insert");
        tx.record(event()).await.expect("record");
        tx
    };
    insert("ada@example.com").await.commit().await.expect("the first user");

    let mut tx = insert("bob@example.com").await;
    let taken = UserChange {
        email: Some("ada@example.com".parse().expect("an address")),
        ..UserChange::default()
    };
    let refused = tx.update_user(taken).await;
    assert!(matches!(refused, Err(StoreError::Conflict(Conflict::Email))), "{refused:?}");
    tx.commit().await.map(|_| ()).expect_err("the commit must fail");

    record(&store, &request).await;
    let rows = database.count("SELECT count(*) FROM events").await.expect("count");
    assert_eq!(rows, 2, "the events of the first and the last transaction");
    assert_eq!(database.count("SELECT count(*) FROM users").await.expect("count"), 1);
    store.close().await;
}
