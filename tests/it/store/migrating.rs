//! Migrations of large tables: they let the service write, they go on where they were killed, and
//! only one instance runs them.

use std::time::Duration;

use sqlx::{Connection as _, Executor as _, PgConnection};
use tokio::task::JoinHandle;
use watchword::store::{OpenError, Store};
use watchword_migration::{Migration, Migrator};

use super::rig::{database_at, store_at};
use crate::relay::rig::{open, settings};
use crate::support::database::{Backend, Database};
use crate::support::run_dir::scratch;
use crate::support::wait::eventually;

const TIMEOUT: Duration = Duration::from_secs(30);
const ROWS: i64 = 5000;
/// Makes a change of a row in the middle wait for a lock, and takes it. The change of the table is
/// not held up.
const HOLD_ROW: &str = "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS \
     $$ BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NEW; END $$; \
     CREATE TRIGGER wait BEFORE UPDATE ON items FOR EACH ROW WHEN (NEW.id = 2500) EXECUTE FUNCTION wait(); \
     SELECT pg_advisory_lock(1)";
const RELEASE_ROW: &str = "SELECT pg_advisory_unlock(1)";
/// The end of the batch before the row.
const PLACE_BEFORE: i64 = 2400;

const BASE: Migration = Migration::new(
    "m0001_items",
    "CREATE TABLE items (id BIGINT PRIMARY KEY, note TEXT);
     INSERT INTO items (id) SELECT generate_series(1, 5000)",
    "CREATE TABLE items (id BIGINT PRIMARY KEY, note TEXT);
     WITH RECURSIVE n (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < 5000)
     INSERT INTO items (id) SELECT id FROM n",
    "DROP TABLE items",
);
/// Each kind of step. A batch that ran twice would be seen in `hits`.
const LARGE: Migration = Migration::new(
    "m0002_hits",
    "-- What the release adds.
--! transaction
ALTER TABLE items ADD COLUMN hits INTEGER NOT NULL DEFAULT 0;
--! batches of 200 over items.id
UPDATE items SET hits = hits + 1 WHERE id > $1 AND id <= $2;
--! index items_hits_idx
CREATE INDEX CONCURRENTLY items_hits_idx ON items (hits);
",
    "--! transaction
ALTER TABLE items ADD COLUMN hits INTEGER NOT NULL DEFAULT 0;
--! batches of 200 over items.id
UPDATE items SET hits = hits + 1 WHERE id > $1 AND id <= $2;
--! index items_hits_idx
CREATE INDEX items_hits_idx ON items (hits);
",
    "DROP INDEX items_hits_idx; ALTER TABLE items DROP COLUMN hits",
);
const OLD: Migrator = Migrator::new(&[BASE], "0.1.0");
const NEW: Migrator = Migrator::new(&[BASE, LARGE], "0.2.0");

const WRONG_HITS: &str = "SELECT count(*) FROM items WHERE hits <> 1";
const PLACE: &str = "SELECT coalesce(max(place), 0) FROM schema_migrations WHERE applied_at IS NULL";
const APPLIED: &str = "SELECT count(*) FROM schema_migrations WHERE applied_at IS NOT NULL";
/// Without the `AND`, an index that is under way would count.
const VALID_INDEX: &str =
    "SELECT count(*) FROM pg_index WHERE indexrelid = to_regclass('items_hits_idx') AND indisvalid";
const ANY_INDEX: &str = "SELECT count(*) FROM pg_index WHERE indexrelid = to_regclass('items_hits_idx')";
/// What the end of a killed process leaves, at the latest.
const END_SESSIONS: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
     WHERE datname = current_database() AND application_name = 'watchword'";

struct Rig {
    database: Database,
    store: Store,
    holder: PgConnection,
}

impl Rig {
    /// Returns a database of the old version, and a session that can hold locks.
    async fn new() -> Self {
        let database = Database::empty().await;
        let url = database.url().expect("a URL").to_owned();
        let store = store_at(&url).await;
        store.migrate_up_with(&OLD).await.expect("migrate");
        let holder = PgConnection::connect(&url).await.expect("connect");
        Self { database, store, holder }
    }

    fn migrate(&self) -> JoinHandle<Result<(), OpenError>> {
        let store = self.store.clone();
        tokio::spawn(async move { store.migrate_up_with(&NEW).await })
    }

    async fn count(&self, sql: &'static str) -> i64 {
        self.database.count(sql).await.expect("a count")
    }

    /// Ends the process that migrates, as far as the database can see it.
    async fn kill(&self, migration: JoinHandle<Result<(), OpenError>>) {
        migration.abort();
        assert!(migration.await.expect_err("it was under way").is_cancelled());
        self.database.execute(END_SESSIONS).await.expect("end the sessions");
    }

    /// Checks that everything happened once.
    async fn complete(self) {
        assert_eq!(self.count(WRONG_HITS).await, 0, "batches that ran twice or never");
        assert_eq!(self.count(VALID_INDEX).await, 1);
        assert_eq!(self.count(APPLIED).await, 2);
        self.database.remove().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_backfill_goes_on_where_it_was() {
    let mut rig = Rig::new().await;
    rig.holder.execute(HOLD_ROW).await.expect("hold a row");
    let migration = rig.migrate();
    eventually(TIMEOUT, || async { rig.count(PLACE).await == PLACE_BEFORE }).await;
    // The service writes while batches run: only the rows of the current batch are locked.
    rig.database
        .execute("INSERT INTO items (id) VALUES (5001)")
        .await
        .expect("a row of the service");
    rig.database
        .execute("UPDATE items SET note = 'x' WHERE id = 4000")
        .await
        .expect("a change");
    rig.kill(migration).await;
    rig.holder.execute(RELEASE_ROW).await.expect("release it");
    assert_eq!(rig.count(WRONG_HITS).await, ROWS + 1 - PLACE_BEFORE, "rows without a batch");

    rig.migrate().await.expect("no panic").expect("migrate");
    rig.complete().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_index_is_built_again() {
    let mut rig = Rig::new().await;
    let migration = rig.migrate();
    // A transaction that has written makes the index wait, as any that is older does.
    let lock = async |holder: &mut PgConnection| {
        holder.execute("BEGIN; UPDATE items SET note = 'x' WHERE id = 1").await.map(|_| ())
    };
    // Before the batches have come to an end: they skip no row.
    eventually(TIMEOUT, || async {
        rig.database.count(PLACE).await.is_ok_and(|place| place > PLACE_BEFORE)
    })
    .await;
    lock(&mut rig.holder).await.expect("an open transaction");
    eventually(TIMEOUT, || async { rig.count(ANY_INDEX).await == 1 }).await;
    assert_eq!(rig.count(VALID_INDEX).await, 0, "the index waits");
    rig.database
        .execute("INSERT INTO items (id, hits) VALUES (5001, 1)")
        .await
        .expect("the service writes");
    rig.kill(migration).await;
    rig.holder.execute("ROLLBACK").await.expect("end the transaction");
    assert_eq!(
        (rig.count(ANY_INDEX).await, rig.count(VALID_INDEX).await),
        (1, 0),
        "an invalid index is left"
    );

    rig.migrate().await.expect("no panic").expect("migrate");
    rig.complete().await;
}

/// A change of a table waits briefly, so that what comes behind it does not wait for long.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_gets_no_lock_lets_others_through() {
    let mut rig = Rig::new().await;
    rig.holder
        .execute("BEGIN; SELECT count(*) FROM items")
        .await
        .expect("an open transaction");
    let migration = rig.migrate();
    eventually(TIMEOUT, || async {
        rig.count("SELECT count(*) FROM pg_locks WHERE locktype = 'relation' AND NOT granted AND mode = 'AccessExclusiveLock'")
            .await
            > 0
    })
    .await;
    // Reads queue behind the change until it gives up.
    let read = tokio::time::timeout(TIMEOUT, rig.count("SELECT count(*) FROM items"));
    assert_eq!(read.await.expect("an answer"), ROWS);
    assert!(!migration.is_finished());
    rig.holder.execute("ROLLBACK").await.expect("end the transaction");
    migration.await.expect("no panic").expect("migrate");
    rig.complete().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn steps_run_on_sqlite_too() {
    let settings = settings(None);
    let store = open(&settings).await;
    store.migrate_up_with(&NEW).await.expect("migrate");
    let database = Database::Sqlite(settings.data_dir.join("watchword.db"));
    assert_eq!(database.count(WRONG_HITS).await.expect("a count"), 0);
    assert_eq!(database.count("SELECT count(*) FROM items").await.expect("a count"), ROWS);
    assert_eq!(database.count(APPLIED).await.expect("a count"), 2);
}

/// The lock of migrations, as any session could hold it.
const LOCK: &str = "SELECT pg_advisory_lock(x'7761746368776f73'::bigint)";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_wait_for_another_instance_ends_and_names_it() {
    let database = Database::fresh(Backend::Postgres, &scratch("locked")).await;
    let url = database.url().expect("a URL");
    let mut holder = PgConnection::connect(&format!("{url}?application_name=stuck")).await.expect("connect");
    holder.execute(LOCK).await.expect("the lock");
    let pid: i32 = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut holder).await.expect("a pid");
    let mut settings = database_at(url);
    settings.database.migration_lock_timeout = Duration::from_secs(1);
    let store = open(&settings).await;

    store.migrate_up().await.expect("an instance that misses nothing does not wait");
    let refused = store.migrate_down(1).await.expect_err("a refusal").to_string();
    for part in ["migration_lock_timeout", "stuck", &pid.to_string()] {
        assert!(refused.contains(part), "{part}: {refused}");
    }
    holder.close().await.expect("end the holder");
    store.migrate_down(1).await.expect("free again");
    store.migrate_up().await.expect("and up");
    database.remove().await;
}
