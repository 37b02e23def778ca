//! Database migrations of the Watchword auth service.
//!
//! A migration is a folder `mNNNN_name/` with plain SQL for each database, so that a reviewer reads
//! what will run. Times are whole milliseconds since the Unix epoch in `BIGINT`: one
//! representation, one comparison and one index on both databases. Two versions of the service run
//! side by side during a rolling update: a release adds, and a later one removes.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

/// The migrations, in order. Run them with `watchword migrate`, which takes the lock that
/// concurrent starts need.
#[derive(Debug)]
pub struct Migrator;

/// Embeds the SQL files of a migration's folder.
macro_rules! sql_migration {
    ($name:literal) => {
        Box::new(SqlMigration {
            name: $name,
            postgres_up: include_str!(concat!($name, "/postgres.up.sql")),
            sqlite_up: include_str!(concat!($name, "/sqlite.up.sql")),
            down: include_str!(concat!($name, "/down.sql")),
        })
    };
}

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            sql_migration!("m0001_accounts"),
            sql_migration!("m0002_ledger_queries"),
            sql_migration!("m0003_replays"),
            sql_migration!("m0004_people"),
            sql_migration!("m0005_mail"),
            sql_migration!("m0006_idempotency"),
            sql_migration!("m0007_second_factor"),
        ]
    }
}

/// A migration that runs SQL. `down` is the same on both databases.
struct SqlMigration {
    name: &'static str,
    postgres_up: &'static str,
    sqlite_up: &'static str,
    down: &'static str,
}

impl MigrationName for SqlMigration {
    fn name(&self) -> &str {
        self.name
    }
}

#[async_trait::async_trait]
impl MigrationTrait for SqlMigration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = match manager.get_database_backend() {
            DbBackend::Postgres => self.postgres_up,
            DbBackend::Sqlite => self.sqlite_up,
            other => return Err(unsupported(other)),
        };
        manager.get_connection().execute_unprepared(sql).await.map(drop)
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        match manager.get_database_backend() {
            DbBackend::Postgres | DbBackend::Sqlite => {}
            other => return Err(unsupported(other)),
        }
        manager.get_connection().execute_unprepared(self.down).await.map(drop)
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

fn unsupported(backend: DbBackend) -> DbErr {
    DbErr::Migration(format!("{backend:?} is not supported: use PostgreSQL or SQLite"))
}
