//! PgBouncer between the service and PostgreSQL: session mode works, other modes are refused. And a
//! server whose commits are not durable.

use secrecy::SecretString;

use super::rig::store_at;
use crate::support::app::TestApp;
use crate::support::binary::{BinaryOptions, run};
use crate::support::database::{Backend, Database};
use crate::support::pgbouncer::PgBouncer;
use crate::support::postgres::Postgres;
use crate::support::run_dir::scratch;

/// Runs `watchword serve`, which has to end with an error, and returns the error.
async fn refused(url: &str) -> String {
    let options = BinaryOptions::command(&["serve"], &[("DATABASE_URL", url)]);
    let ended = run(options, "").await;
    assert!(!ended.status.success(), "{ended:?}");
    ended.stderr
}

/// The name of a fresh database with the service's tables.
async fn fresh() -> (Database, String) {
    let database = Database::fresh(Backend::Postgres, &scratch("pooled")).await;
    let name = database.url().and_then(|url| url.rsplit('/').next()).expect("a name").to_owned();
    (database, name)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pooler_in_transaction_mode_is_refused_by_name() {
    let postgres = Postgres::shared().await;
    let (database, name) = fresh().await;
    for mode in ["transaction", "statement"] {
        let pooler = PgBouncer::start(postgres, mode).await;
        let error = refused(&postgres.url_through(pooler.port(), &name)).await;
        assert!(
            error.contains("transaction mode") && error.contains("pool_mode = session"),
            "{mode}: {error}"
        );
    }
    database.remove().await;
}

/// Two clients share one session, in which both get the lock.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_instances_behind_a_pooler_in_transaction_mode_do_not_both_lead() {
    let postgres = Postgres::shared().await;
    let (database, name) = fresh().await;
    let pooler = PgBouncer::start(postgres, "transaction").await;
    let url = postgres.url_through(pooler.port(), &name);
    let (first, second) = (store_at(&url).await, store_at(&url).await);
    let (mut one, mut other) = (first.ledger().leader_election(), second.ledger().leader_election());
    let (one, other) = (one.try_acquire().await, other.try_acquire().await);
    let mut leading = 0;
    for lease in [one, other].into_iter().flatten().flatten() {
        leading += u32::from(lease.check().await.is_ok());
    }
    assert!(leading <= 1, "{leading} leaders");
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pooler_in_session_mode_serves() {
    let postgres = Postgres::shared().await;
    let pooler = PgBouncer::start(postgres, "session").await;
    let port = pooler.port();
    let app = TestApp::builder(Backend::Postgres).settings(move |settings| {
        let url = settings.database.url.as_ref().map(secrecy::ExposeSecret::expose_secret).expect("a URL");
        let name = url.rsplit('/').next().expect("a name");
        settings.database.url = Some(SecretString::from(postgres.url_through(port, name)));
    });
    let app = app.spawn().await;
    for number in 0..8 {
        app.registered(&format!("user{number}@example.com")).await;
    }
    // It also checks that the events reach the stream: the relay leads.
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn asynchronous_commits_are_refused_by_name() {
    let postgres = Postgres::shared().await;
    let (database, name) = fresh().await;
    let set = |value: &str| format!("ALTER DATABASE \"{name}\" SET synchronous_commit = {value}");
    postgres.execute("postgres", &set("off")).await.expect("set it off");
    let url = database.url().expect("a URL");
    let error = refused(url).await;
    assert!(error.contains("synchronous_commit is off"), "{error}");
    for value in ["on", "local", "remote_write", "remote_apply"] {
        postgres.execute("postgres", &set(value)).await.expect("set it on");
        store_at(url).await.check_server().await.expect(value);
    }
    database.remove().await;
}
