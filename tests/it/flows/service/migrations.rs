//! Migrations: by several instances that start on an empty database, and on the command line.

use std::time::Duration;

use futures_util::future::join_all;
use watchword_migration::Migrator;

use crate::support::app::PASSWORD;
use crate::support::binary::{Binary, BinaryOptions, Ended, run};
use crate::support::database::{Backend, Database};
use crate::support::nats::NatsServer;
use crate::support::postgres::Postgres;
use crate::support::proxy::Proxy;
use crate::support::run_dir::scratch;

/// The secret key that the instances share: 32 bytes in base64.
const SECRET_KEY: &str = "vKy3SynzFLR0Lm9CgBTKJ+ujg+uj4b8MsCDFC/YNt3Y=";
/// Several rounds make a conflict between the instances more likely.
const ROUNDS: usize = 3;
/// The latency to the database in each direction, so that the migrations overlap.
const LATENCY: Duration = Duration::from_millis(20);

async fn number(database: &Database, sql: &'static str) -> i64 {
    database.count(sql).await.expect("a query")
}

/// Start three instances in parallel. Assert that they share one schema and one signing key.
async fn start_three(command: &[&str], database: Database, nats: &NatsServer) {
    let server = Postgres::shared().await.port();
    let proxy = Proxy::to(server).await;
    proxy.set_latency(LATENCY);
    let url = database.url().expect("a PostgreSQL database");
    let url = url.replace(&format!(":{server}/"), &format!(":{}/", proxy.port()));
    let environment = [
        ("DATABASE_URL", url.as_str()),
        ("NATS_URL", &nats.url()),
        ("WATCHWORD_SECRET_KEY", SECRET_KEY),
        // Clients see one service.
        ("WATCHWORD__HTTP__PUBLIC_URL", "https://auth.example.com"),
    ];
    let options = BinaryOptions::command(command, &environment);
    let mut instances = [0; 3].map(|_| Binary::start_unready(options.clone()));
    join_all(instances.iter_mut().map(Binary::ready)).await;

    let migrations = i64::try_from(Migrator::default().count()).expect("a few");
    let rows = number(&database, "SELECT count(*) FROM schema_migrations").await;
    assert_eq!(rows, migrations, "each migration ran once");
    let distinct = number(&database, "SELECT count(DISTINCT version) FROM schema_migrations").await;
    assert_eq!(distinct, migrations);
    assert_eq!(number(&database, "SELECT count(*) FROM signing_keys").await, 1);

    let mut key_sets = Vec::new();
    for instance in &instances {
        let answer = instance.http().get("/.well-known/jwks.json").await;
        key_sets.push(answer.expect_status(200).json);
    }
    assert_eq!(key_sets[0]["keys"].as_array().map(Vec::len), Some(1));
    assert!(key_sets.iter().all(|keys| *keys == key_sets[0]), "{key_sets:?}");

    // Each instance accepts the tokens of the others.
    let [first, others @ ..] = &instances;
    let registered = first.http().register("ada@example.com", PASSWORD).await;
    let access = registered.expect_status(201).tokens().access;
    for other in others {
        other.http().me(&access).await.expect_status(200);
    }
    for mut instance in instances {
        assert!(instance.stop().await.success());
    }
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_instances_migrate_an_empty_database_together() {
    let nats = NatsServer::start().await;
    for _ in 0..ROUNDS {
        start_three(&["serve"], Database::empty().await, &nats).await;
    }
}

/// Without migrations, only the signing key synchronizes the instances.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_instances_start_together_on_a_migrated_database() {
    let nats = NatsServer::start().await;
    for _ in 0..ROUNDS {
        let database = Database::fresh(Backend::Postgres, &scratch("migrated")).await;
        start_three(&["serve", "--no-migrate"], database, &nats).await;
    }
}

/// Run `watchword migrate …` on a database.
async fn migrate(database: &Database, args: &[&str], input: &str) -> Ended {
    let url = database.url().expect("a PostgreSQL database");
    let args: Vec<&str> = ["migrate"].iter().chain(args).copied().collect();
    run(BinaryOptions::command(&args, &[("DATABASE_URL", url)]), input).await
}

/// The printed state of each migration, by a command that ends with exit code 0.
#[track_caller]
fn states(ended: &Ended) -> Vec<String> {
    states_with_code(ended, 0)
}

#[track_caller]
fn states_with_code(ended: &Ended, code: i32) -> Vec<String> {
    assert_eq!(ended.status.code(), Some(code), "{ended:?}");
    let lines = ended.stdout.lines();
    let states: Vec<String> = lines.filter_map(|line| Some(line.split_whitespace().next()?.to_owned())).collect();
    assert_eq!(states.len(), Migrator::default().count(), "{ended:?}");
    states
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn migrations_run_from_the_command_line() {
    let database = Database::empty().await;
    let tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'";
    let all = |state: &str| vec![state.to_owned(); Migrator::default().count()];

    assert_eq!(states_with_code(&migrate(&database, &["status"], "").await, 1), all("pending"));
    assert_eq!(database.count(tables).await.expect("a query"), 0, "`status` changed the database");
    assert_eq!(states(&migrate(&database, &["up"], "").await), all("applied"));
    assert_eq!(
        states(&migrate(&database, &["up"], "").await),
        all("applied"),
        "a second `up` changes nothing"
    );
    assert_eq!(states(&migrate(&database, &["status"], "").await), all("applied"));

    for answer in ["", "no\n", "y\n"] {
        let refused = migrate(&database, &["down"], answer).await;
        assert!(!refused.status.success(), "{refused:?}");
        assert!(refused.stderr.contains("--yes"), "{refused:?}");
    }
    assert_eq!(states(&migrate(&database, &["status"], "").await), all("applied"));

    let steps = Migrator::default().count().to_string();
    let down = migrate(&database, &["down", "--steps", &steps, "--yes"], "").await;
    assert_eq!(states(&down), all("pending"));
    let left = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'schema_migrations'";
    assert_eq!(database.count(left).await.expect("a query"), 0);
    assert_eq!(states(&migrate(&database, &["up"], "").await), all("applied"), "`up` after `down`");
    database.remove().await;
}
