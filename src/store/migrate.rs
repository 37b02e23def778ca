//! Migrations. One instance at a time runs them.

use serde::Serialize;
use sqlx::{Connection as _, PgConnection};
use watchword_migration::Migrator;

use super::connect::Address;
use super::leader_election::unavailable;
use super::{Store, StoreError};

const MIGRATION_LOCK: i64 = 0x7761_7463_6877_6f73;

/// Whether the database has a migration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MigrationState {
    pub name: String,
    pub applied: bool,
}

impl Store {
    /// Apply the missing migrations. Instances that start at the same time wait for each other.
    pub async fn migrate_up(&self) -> Result<(), StoreError> {
        let lock = self.lock_migrations().await?;
        let result = Migrator::up(&self.db().for_migrations(), None).await;
        release(lock).await;
        Ok(result?)
    }

    /// Revert the last `steps` migrations.
    pub async fn migrate_down(&self, steps: u32) -> Result<(), StoreError> {
        let lock = self.lock_migrations().await?;
        let result = Migrator::down(&self.db().for_migrations(), Some(steps)).await;
        release(lock).await;
        Ok(result?)
    }

    /// The migrations of this version, in order.
    pub async fn migration_status(&self) -> Result<Vec<MigrationState>, StoreError> {
        let all = Migrator::status(&self.db().for_migrations()).await?;
        let state = |(name, applied): (&str, bool)| MigrationState { name: name.to_owned(), applied };
        Ok(all.into_iter().map(state).collect())
    }

    /// Lock out other instances: the migrator takes no lock of its own. `SQLite` needs none,
    /// since one process owns the file.
    async fn lock_migrations(&self) -> Result<Option<PgConnection>, StoreError> {
        let Address::Postgres(options) = self.address() else {
            return Ok(None);
        };
        // A migration of another instance may take long, so this connection waits without the
        // pool's limits.
        let options = options.as_ref().clone().options([("lock_timeout", "0"), ("statement_timeout", "0")]);
        let mut connection = PgConnection::connect_with(&options).await.map_err(unavailable)?;
        sqlx::query("SELECT pg_advisory_lock($1)")
            .bind(MIGRATION_LOCK)
            .execute(&mut connection)
            .await
            .map_err(unavailable)?;
        Ok(Some(connection))
    }
}

/// Release the lock by closing its connection.
async fn release(lock: Option<PgConnection>) {
    if let Some(connection) = lock
        && let Err(error) = connection.close().await
    {
        tracing::warn!(%error, "closing the connection of the migration lock failed");
    }
}
