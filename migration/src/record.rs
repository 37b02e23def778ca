//! The table that says which migrations the database has, and how far the one under way is.

use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement, Value};

const CREATE_TABLE: &str = "CREATE TABLE IF NOT EXISTS schema_migrations (
    version VARCHAR NOT NULL PRIMARY KEY,
    -- The oldest version of the program that can work with the schema; null: any.
    min_version VARCHAR,
    -- Null as long as it is under way.
    applied_at BIGINT,
    -- The number of complete steps, and the place of the one in batches.
    steps INTEGER NOT NULL DEFAULT 0,
    place BIGINT
)";

/// A migration in the database.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) name: String,
    pub(crate) min_version: Option<String>,
    pub(crate) is_applied: bool,
    pub(crate) progress: Progress,
}

/// How far a migration is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    /// The number of complete steps.
    pub(crate) steps: usize,
    /// The highest value that batches have covered in the step after them.
    pub(crate) place: Option<i64>,
}

pub(crate) async fn create_table(db: &impl ConnectionTrait) -> Result<(), DbErr> {
    db.execute_unprepared(CREATE_TABLE).await.map(|_| ())
}

/// Return what the database has, in the order of names; nothing when there is no table.
pub(crate) async fn all(db: &impl ConnectionTrait) -> Result<Vec<Record>, DbErr> {
    if !has_table(db).await? {
        return Ok(Vec::new());
    }
    let sql = "SELECT version, min_version, applied_at, steps, place FROM schema_migrations ORDER BY version";
    let rows = db.query_all_raw(statement(db, sql, [])).await?;
    let record = |row: sea_orm::QueryResult| {
        let steps: i32 = row.try_get("", "steps")?;
        Ok(Record {
            name: row.try_get("", "version")?,
            min_version: row.try_get("", "min_version")?,
            is_applied: row.try_get::<Option<i64>>("", "applied_at")?.is_some(),
            progress: Progress {
                steps: usize::try_from(steps).unwrap_or_default(),
                place: row.try_get("", "place")?,
            },
        })
    };
    rows.into_iter().map(record).collect()
}

/// Record the beginning of a migration. One that breaks older versions says so from now on.
pub(crate) async fn begin(db: &impl ConnectionTrait, name: &str, min_version: Option<&str>) -> Result<(), DbErr> {
    let sql = "INSERT INTO schema_migrations (version, min_version) VALUES ($1, $2) ON CONFLICT (version) DO NOTHING";
    execute(db, sql, [name.into(), min_version.into()]).await
}

/// Record how far a migration is.
pub(crate) async fn advance(db: &impl ConnectionTrait, name: &str, progress: Progress) -> Result<(), DbErr> {
    let steps = i32::try_from(progress.steps).unwrap_or(i32::MAX);
    let sql = "UPDATE schema_migrations SET steps = $2, place = $3 WHERE version = $1";
    execute(db, sql, [name.into(), steps.into(), progress.place.into()]).await
}

/// Record the end of a migration. The time is the database's, in seconds, and only for operators.
pub(crate) async fn finish(db: &impl ConnectionTrait, name: &str) -> Result<(), DbErr> {
    let sql = match db.get_database_backend() {
        DbBackend::Sqlite => "UPDATE schema_migrations SET applied_at = unixepoch() WHERE version = $1",
        _ => "UPDATE schema_migrations SET applied_at = extract(epoch FROM now())::bigint WHERE version = $1",
    };
    execute(db, sql, [name.into()]).await
}

pub(crate) async fn forget(db: &impl ConnectionTrait, name: &str) -> Result<(), DbErr> {
    execute(db, "DELETE FROM schema_migrations WHERE version = $1", [name.into()]).await
}

async fn has_table(db: &impl ConnectionTrait) -> Result<bool, DbErr> {
    let sql = match db.get_database_backend() {
        DbBackend::Sqlite => "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'schema_migrations'",
        // Other programs have a table of this name, perhaps in another schema.
        _ => "SELECT 1 FROM pg_attribute WHERE attrelid = to_regclass('schema_migrations') AND attname = 'min_version'",
    };
    Ok(db.query_one_raw(statement(db, sql, [])).await?.is_some())
}

async fn execute(db: &impl ConnectionTrait, sql: &str, values: impl IntoIterator<Item = Value>) -> Result<(), DbErr> {
    db.execute_raw(statement(db, sql, values)).await.map(|_| ())
}

pub(crate) fn statement(db: &impl ConnectionTrait, sql: &str, values: impl IntoIterator<Item = Value>) -> Statement {
    Statement::from_sql_and_values(db.get_database_backend(), sql, values)
}
