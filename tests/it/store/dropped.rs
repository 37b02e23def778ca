//! What a transaction that was dropped, or of which a statement has failed, leaves behind: nothing, and nobody is told otherwise.

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

/// Each way.
const LATENCY: Duration = Duration::from_millis(10);
const ROUNDS: u32 = 30;

/// A store with one connection, behind a slow network.
async fn behind_a_slow_network() -> (Store, Database, Proxy) {
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
        attempts: None,
    })
}

async fn record(store: &Store, origin: &RequestMetadata) {
    let mut tx = store.begin_system(SystemClock.now(), origin).await.expect("begin");
    tx.record(event()).await.expect("record");
    tx.commit().await.expect("commit");
}

/// Begins and records, and is dropped after `patience`, wherever it then is; it never commits.
async fn give_up(store: &Store, origin: &RequestMetadata, patience: Duration) {
    let work = async {
        let mut tx = store.begin_system(SystemClock.now(), origin).await.expect("begin");
        tx.record(event()).await.expect("record");
        std::future::pending::<()>().await;
    };
    tokio::time::timeout(patience, work).await.expect_err("it never ends");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_transaction_leaves_no_state_to_the_next() {
    let (store, database, _proxy) = behind_a_slow_network().await;
    let origin = RequestMetadata::default();
    for round in 0..ROUNDS {
        // BEGIN and INSERT take 20 ms each: the drop falls into each of them, between them and behind them.
        give_up(&store, &origin, Duration::from_millis(u64::from(round % 10) * 6)).await;
        record(&store, &origin).await;
    }
    let rows = database.count("SELECT count(*) FROM events").await.expect("count");
    assert_eq!(rows, i64::from(ROUNDS), "one event for every commit, and no other");
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

/// PostgreSQL answers `ROLLBACK`, and no error, to the COMMIT of a transaction of which a statement has failed.
#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_with_a_failed_statement_does_not_report_a_commit() {
    let (store, database, proxy) = behind_a_slow_network().await;
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
    assert!(
        matches!(refused, Err(StoreError::Conflict(Conflict::Email))),
        "{refused:?}"
    );
    tx.commit().await.map(|_| ()).expect_err("nothing was committed");

    record(&store, &request).await;
    let rows = database.count("SELECT count(*) FROM events").await.expect("count");
    assert_eq!(rows, 2, "the events of the first and of the last transaction");
    assert_eq!(database.count("SELECT count(*) FROM users").await.expect("count"), 1);
    store.close().await;
}
