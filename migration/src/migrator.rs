//! Runs migrations, each in its own transaction, and records them in the table `seaql_migrations`.
//!
//! The table has the name and the columns of sea-orm-migration, so that databases that an older
//! version migrated remain valid.

use std::collections::HashSet;

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, Statement, TransactionTrait as _};

use crate::{MIGRATIONS, Migration};

const CREATE_TABLE: &str =
    "CREATE TABLE IF NOT EXISTS seaql_migrations (version VARCHAR NOT NULL PRIMARY KEY, applied_at BIGINT NOT NULL)";

/// The migrations of this version, in order. Run them with `watchword migrate`, which takes the
/// lock that concurrent starts need.
#[derive(Debug)]
pub struct Migrator;

impl Migrator {
    /// Return every migration, oldest first.
    #[must_use]
    pub fn migrations() -> &'static [Migration] {
        MIGRATIONS
    }

    /// Apply the migrations that the database lacks: all of them, or the first `steps`.
    ///
    /// # Errors
    /// [`DbErr`] of the database; [`DbErr::Migration`] when a newer version migrated it.
    pub async fn up(db: &DatabaseConnection, steps: Option<u32>) -> Result<(), DbErr> {
        db.execute_unprepared(CREATE_TABLE).await?;
        let applied = applied(db).await?;
        let pending = MIGRATIONS.iter().filter(|migration| !applied.contains(migration.name));
        for migration in pending.take(limit(steps)) {
            let tx = db.begin().await?;
            tx.execute_unprepared(migration.up(tx.get_database_backend())?).await?;
            record(&tx, migration.name).await?;
            tx.commit().await?;
            tracing::info!(migration = migration.name, "migration applied");
        }
        Ok(())
    }

    /// Undo the last `steps` migrations, or all of them.
    ///
    /// # Errors
    /// As [`up`](Self::up).
    pub async fn down(db: &DatabaseConnection, steps: Option<u32>) -> Result<(), DbErr> {
        db.execute_unprepared(CREATE_TABLE).await?;
        let applied = applied(db).await?;
        let done = MIGRATIONS.iter().rev().filter(|migration| applied.contains(migration.name));
        for migration in done.take(limit(steps)) {
            let tx = db.begin().await?;
            tx.execute_unprepared(migration.down).await?;
            forget(&tx, migration.name).await?;
            tx.commit().await?;
            tracing::info!(migration = migration.name, "migration undone");
        }
        Ok(())
    }

    /// Return the name of every migration, and whether the database has it. Changes nothing.
    ///
    /// # Errors
    /// As [`up`](Self::up).
    pub async fn status(db: &DatabaseConnection) -> Result<Vec<(&'static str, bool)>, DbErr> {
        let applied = if has_table(db).await? {
            applied(db).await?
        } else {
            HashSet::new()
        };
        let state = |migration: &Migration| (migration.name, applied.contains(migration.name));
        Ok(MIGRATIONS.iter().map(state).collect())
    }
}

fn limit(steps: Option<u32>) -> usize {
    steps.map_or(usize::MAX, |steps| usize::try_from(steps).unwrap_or(usize::MAX))
}

/// Return the names of the applied migrations, all of which this version must know.
async fn applied(db: &impl ConnectionTrait) -> Result<HashSet<String>, DbErr> {
    let all =
        Statement::from_string(db.get_database_backend(), "SELECT version FROM seaql_migrations ORDER BY version");
    let mut names = HashSet::new();
    for row in db.query_all_raw(all).await? {
        let name: String = row.try_get("", "version")?;
        if MIGRATIONS.iter().all(|migration| migration.name != name) {
            return Err(DbErr::Migration(format!(
                "the database has the migration {name}, which this version does not know: run the version that made it"
            )));
        }
        names.insert(name);
    }
    Ok(names)
}

async fn has_table(db: &impl ConnectionTrait) -> Result<bool, DbErr> {
    let backend = db.get_database_backend();
    let sql = match backend {
        DbBackend::Sqlite => "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'seaql_migrations'",
        _ => {
            "SELECT 1 FROM information_schema.tables \
             WHERE table_schema = current_schema() AND table_name = 'seaql_migrations'"
        }
    };
    Ok(db.query_one_raw(Statement::from_string(backend, sql)).await?.is_some())
}

/// Record a migration. The time is the database's, in seconds, and only for operators.
async fn record(db: &impl ConnectionTrait, name: &str) -> Result<(), DbErr> {
    let backend = db.get_database_backend();
    let sql = match backend {
        DbBackend::Sqlite => "INSERT INTO seaql_migrations (version, applied_at) VALUES ($1, unixepoch())",
        _ => "INSERT INTO seaql_migrations (version, applied_at) VALUES ($1, extract(epoch FROM now())::bigint)",
    };
    let insert = Statement::from_sql_and_values(backend, sql, [name.into()]);
    db.execute_raw(insert).await.map(|_| ())
}

async fn forget(db: &impl ConnectionTrait, name: &str) -> Result<(), DbErr> {
    let sql = "DELETE FROM seaql_migrations WHERE version = $1";
    let delete = Statement::from_sql_and_values(db.get_database_backend(), sql, [name.into()]);
    db.execute_raw(delete).await.map(|_| ())
}
