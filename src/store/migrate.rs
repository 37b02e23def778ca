//! Migrations. One instance at a time runs them.

use std::time::Duration;

use sea_orm::DatabaseConnection;
use serde::Serialize;
use tokio::time::{Instant, sleep, timeout};
use watchword_migration::{MigrationError, Migrator};

use super::connect::Address;
use super::database::Session;
use super::leader_election::{too_late, unavailable};
use super::{OpenError, Store, StoreError, sql};

/// "watchwos", after the lock of the relay.
const MIGRATION_LOCK: i64 = 0x7761_7463_6877_6f73;
/// Between two attempts to get the lock.
const RETRY_INTERVAL: Duration = Duration::from_millis(250);
/// How often the log says who holds the lock.
const NOTICE_INTERVAL: Duration = Duration::from_secs(10);
/// How long reading the state of the schema may take.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// How often the session with the lock is checked while migrations run, and for how long.
const CHECK_INTERVAL: Duration = Duration::from_secs(5);

/// Whether the database has a migration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MigrationState {
    pub name: String,
    pub applied: bool,
}

impl Store {
    /// Apply the missing migrations. Instances that start at the same time wait for each other; an
    /// instance that misses none does not wait.
    pub async fn migrate_up(&self) -> Result<(), OpenError> {
        self.migrate_up_with(&Migrator::default()).await?;
        if self.has_old_texts().await? {
            self.run_locked(self.apply_text_rules()).await?;
        }
        Ok(())
    }

    /// As [`migrate_up`](Self::migrate_up), with other migrations than those of this version.
    pub async fn migrate_up_with(&self, migrator: &Migrator) -> Result<(), OpenError> {
        let db = self.db().plain();
        self.check_schema_with(migrator, &db).await?;
        if read(migrator.status(&db)).await?.iter().all(|(_, applied)| *applied) {
            return Ok(());
        }
        self.check_may_create(&db).await?;
        self.run_locked(migrator.up(&db)).await
    }

    /// Revert the last `steps` migrations.
    pub async fn migrate_down(&self, steps: u32) -> Result<(), OpenError> {
        let db = self.db().plain();
        self.run_locked(Migrator::default().down(&db, steps)).await
    }

    /// The migrations of this version, in order.
    pub async fn migration_status(&self) -> Result<Vec<MigrationState>, OpenError> {
        let all = read(Migrator::default().status(&self.db().plain())).await?;
        let state = |(name, applied): (&str, bool)| MigrationState { name: name.to_owned(), applied };
        Ok(all.into_iter().map(state).collect())
    }

    /// Check that this version can work with the schema. A later one that it can work with is a
    /// warning in the log.
    pub async fn check_schema(&self) -> Result<(), OpenError> {
        self.check_schema_with(&Migrator::default(), &self.db().plain()).await
    }

    async fn check_schema_with(&self, migrator: &Migrator, db: &DatabaseConnection) -> Result<(), OpenError> {
        self.check_may_write(db).await?;
        let later = read(migrator.check(db)).await?;
        if !later.is_empty() {
            let migrations = later.join(" ");
            tracing::warn!(migrations, "schema is newer than this version, which can work with it");
        }
        Ok(())
    }

    /// Run migrations with the lock that keeps other instances out: the migrator takes none of its
    /// own. `SQLite` needs none, since one process owns the file.
    async fn run_locked<E: Into<OpenError>>(&self, work: impl Future<Output = Result<(), E>>) -> Result<(), OpenError> {
        let Some(mut lock) = self.lock_migrations().await? else {
            return work.await.map_err(Into::into);
        };
        // The statements of migrations have no bound on this side. They end with the session of the
        // lock: when the server is lost, or another instance could migrate.
        let result = tokio::select! {
            result = work => result.map_err(Into::into),
            error = watch(&mut lock) => Err(error.into()),
        };
        lock.close().await;
        result
    }

    async fn lock_migrations(&self) -> Result<Option<Session>, OpenError> {
        let Address::Postgres(server) = self.address() else {
            return Ok(None);
        };
        let mut session = server.connect().await.map_err(unavailable)?;
        let began = Instant::now();
        let mut noticed: Option<Instant> = None;
        loop {
            let attempt = sql::plain(format!("SELECT pg_try_advisory_lock({MIGRATION_LOCK}) AS locked"));
            let row = session.query_one(attempt).await.map_err(StoreError::from)?;
            if row.is_some_and(|row| row.try_get("", "locked").unwrap_or(false)) {
                return Ok(Some(session));
            }
            if began.elapsed() >= self.0.migration_lock_timeout {
                let holder = holder(&mut session).await?;
                return Err(OpenError::MigrationsLocked { holder, waited: began.elapsed() });
            }
            if noticed.is_none_or(|at| at.elapsed() >= NOTICE_INTERVAL) {
                let holder = holder(&mut session).await?;
                tracing::info!(holder, "waiting for the migrations of another instance");
                noticed = Some(Instant::now());
            }
            sleep(RETRY_INTERVAL).await;
        }
    }
}

/// Wait for what is read without the lock, but not for ever: the migrator's statements have no
/// bound on this side.
async fn read<T>(work: impl Future<Output = Result<T, MigrationError>>) -> Result<T, OpenError> {
    Ok(timeout(READ_TIMEOUT, work).await.map_err(|_| too_late())??)
}

/// Check the session of the lock until it is lost.
async fn watch(lock: &mut Session) -> StoreError {
    loop {
        sleep(CHECK_INTERVAL).await;
        if let Err(error) = lock.check(CHECK_INTERVAL).await {
            return unavailable(error);
        }
    }
}

/// Who holds the lock, for messages.
async fn holder(session: &mut Session) -> Result<String, StoreError> {
    let sql = format!(
        "SELECT format('backend %s of %s at %s, connected since %s', a.pid, \
         coalesce(nullif(a.application_name, ''), 'an unnamed program'), coalesce(host(a.client_addr), 'this machine'), \
         a.backend_start) AS holder \
         FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid WHERE l.locktype = 'advisory' AND l.granted \
         AND l.objsubid = 1 AND (l.classid::bigint << 32) | l.objid::bigint = {MIGRATION_LOCK} \
         AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    );
    let row = session.query_one(sql::plain(sql)).await?;
    let holder = row.map(|row| row.try_get("", "holder")).transpose()?;
    Ok(holder.unwrap_or_else(|| "a session that has just ended".to_owned()))
}
