//! Migrations, run by one instance at a time.

use sqlx::{Connection as _, PgConnection};
use watchword_migration::Migrator;

use super::connect::Address;
use super::leadership::unavailable;
use super::{Store, StoreError};

const MIGRATION_LOCK: i64 = 0x7761_7463_6877_6f73;

/// A migration and whether the database has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationState {
    /// Its name.
    pub name: String,
    /// Whether it was applied.
    pub applied: bool,
}

impl Store {
    /// Applies every migration that the database lacks. Instances that start together wait for one another.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn migrate_up(&self) -> Result<(), StoreError> {
        let lock = self.lock_migrations().await?;
        let result = Migrator::up(&self.db().for_migrations(), None).await;
        release(lock).await;
        Ok(result?)
    }

    /// Undoes the last `steps` migrations.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn migrate_down(&self, steps: u32) -> Result<(), StoreError> {
        let lock = self.lock_migrations().await?;
        let result = Migrator::down(&self.db().for_migrations(), Some(steps)).await;
        release(lock).await;
        Ok(result?)
    }

    /// Every migration this version knows, in order.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn migration_status(&self) -> Result<Vec<MigrationState>, StoreError> {
        let all = Migrator::status(&self.db().for_migrations()).await?;
        let state = |(name, applied): (&str, bool)| MigrationState {
            name: name.to_owned(),
            applied,
        };
        Ok(all.into_iter().map(state).collect())
    }

    /// The migrator takes no lock of its own. `SQLite` needs none: its file has one process.
    async fn lock_migrations(&self) -> Result<Option<PgConnection>, StoreError> {
        let Address::Postgres(options) = self.address() else {
            return Ok(None);
        };
        // Another instance's migration may take long: this connection waits for it without the pool's limits.
        let options = options
            .as_ref()
            .clone()
            .options([("lock_timeout", "0"), ("statement_timeout", "0")]);
        let mut connection = PgConnection::connect_with(&options).await.map_err(unavailable)?;
        sqlx::query("SELECT pg_advisory_lock($1)")
            .bind(MIGRATION_LOCK)
            .execute(&mut connection)
            .await
            .map_err(unavailable)?;
        Ok(Some(connection))
    }
}

/// Closing the connection frees its lock.
async fn release(lock: Option<PgConnection>) {
    if let Some(connection) = lock
        && let Err(error) = connection.close().await
    {
        tracing::warn!(%error, "closing the connection that held the migration lock");
    }
}
