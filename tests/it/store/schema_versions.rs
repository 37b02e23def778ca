//! Two versions of the program share a database: the schema is newer than one of them.

use watchword::store::{OpenError, Store};
use watchword_migration::{Migration, Migrator};

use super::rig::store_at;
use crate::relay::rig::{open, settings};
use crate::support::binary::{Binary, BinaryOptions, run};
use crate::support::database::{Backend, Database};
use crate::support::flow_tests;
use crate::support::nats::NatsServer;
use crate::support::run_dir::scratch;

const BASE: Migration = same("m0001_base", "CREATE TABLE items (id BIGINT PRIMARY KEY)", "DROP TABLE items");
const ADDITIVE: Migration = same("m0002_notes", "CREATE TABLE notes (id BIGINT PRIMARY KEY)", "DROP TABLE notes");
const BREAKING: Migration =
    same("m0003_no_items", "DROP TABLE items", "CREATE TABLE items (id BIGINT)").breaking_before("0.3.0");

const OLDEST: Migrator = Migrator::new(&[BASE], "0.1.0");
const MIDDLE: Migrator = Migrator::new(&[BASE, ADDITIVE], "0.2.0");
const NEWEST: Migrator = Migrator::new(&[BASE, ADDITIVE, BREAKING], "0.3.0");
const OTHER_LINE: Migrator = Migrator::new(&[BASE, same("m0009_other", "SELECT 1", "SELECT 1")], "0.2.0");

/// The secret key of the instances, one after the other: 32 bytes in base64.
const SECRET_KEY: &str = "vKy3SynzFLR0Lm9CgBTKJ+ujg+uj4b8MsCDFC/YNt3Y=";

const fn same(name: &'static str, up: &'static str, down: &'static str) -> Migration {
    Migration::new(name, up, up, down)
}

async fn empty(backend: Backend) -> Store {
    match backend {
        Backend::Sqlite => open(&settings(None)).await,
        Backend::Postgres => store_at(Database::empty().await.url().expect("a URL")).await,
    }
}

flow_tests![
    an_older_version_starts_beside_a_newer_additive_schema,
    a_breaking_migration_names_the_version_that_it_needs,
    a_schema_of_another_line_is_refused,
];

async fn an_older_version_starts_beside_a_newer_additive_schema(backend: Backend) {
    let store = empty(backend).await;
    store.migrate_up_with(&MIDDLE).await.expect("migrate");
    store.migrate_up_with(&OLDEST).await.expect("the older version starts");
    store.migrate_up_with(&MIDDLE).await.expect("the newer one as well");
}

async fn a_breaking_migration_names_the_version_that_it_needs(backend: Backend) {
    let store = empty(backend).await;
    store.migrate_up_with(&OLDEST).await.expect("migrate");
    store.migrate_up_with(&NEWEST).await.expect("migrate further");
    for older in [OLDEST, MIDDLE] {
        let refused = store.migrate_up_with(&older).await.expect_err("a refusal");
        assert!(matches!(refused, OpenError::Schema(_)), "{refused:?}");
        let text = refused.to_string();
        assert!(text.contains("0.3.0 or newer") && text.contains("m0003_no_items"), "{text}");
    }
    // A later patch of the middle version, whose migrations are the same, is too old as well; the
    // same migrations in a version that is new enough are not.
    let renumbered = Migrator::new(&[BASE, ADDITIVE], "0.10.0");
    store.migrate_up_with(&renumbered).await.expect("new enough");
}

async fn a_schema_of_another_line_is_refused(backend: Backend) {
    let store = empty(backend).await;
    store.migrate_up_with(&MIDDLE).await.expect("migrate");
    let refused = store.migrate_up_with(&OTHER_LINE).await.expect_err("a refusal");
    let text = refused.to_string();
    assert!(text.contains("m0002_notes") && text.contains("not later than its own"), "{text}");
}

/// Inserts a migration of a later version into the table of migrations.
const LATER: &str = "INSERT INTO schema_migrations (version, applied_at, min_version) VALUES ('m9000_later', 1, NULL)";
const NEEDS_LATER: &str = "UPDATE schema_migrations SET min_version = '99.0.0' WHERE version = 'm9000_later'";

/// The program itself, as shipped.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_starts_beside_a_later_schema_unless_that_breaks_it() {
    let nats = NatsServer::start().await;
    let database = Database::fresh(Backend::Postgres, &scratch("later")).await;
    let environment = [
        ("DATABASE_URL", database.url().expect("a URL")),
        ("NATS_URL", &nats.url()),
        ("WATCHWORD_SECRET_KEY", SECRET_KEY),
        ("WATCHWORD__HTTP__PUBLIC_URL", "https://auth.example.com"),
    ];
    database.execute(LATER).await.expect("a later migration");
    for command in [["serve"].as_slice(), &["serve", "--no-migrate"]] {
        let mut service = Binary::start(BinaryOptions::command(command, &environment)).await;
        assert!(service.stop().await.success());
    }
    database.execute(NEEDS_LATER).await.expect("a breaking one");
    for command in [["serve"].as_slice(), &["serve", "--no-migrate"], &["migrate", "up"]] {
        let ended = run(BinaryOptions::command(command, &environment), "").await;
        assert!(!ended.status.success(), "{command:?}: {ended:?}");
        assert!(ended.stderr.contains("needs watchword 99.0.0 or newer"), "{command:?}: {ended:?}");
    }
    database.remove().await;
}
