//! Runs the steps of one migration, from where it stands.

use std::time::{Duration, Instant};

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, RuntimeErr, TransactionTrait as _,
};
use tokio::time::sleep;

use crate::record::{self, Progress, statement};
use crate::steps::{Kind, Step};

/// How long a step waits for a lock. Everything that comes later waits behind it, logins too, so it
/// gives up soon and tries again.
const LOCK_TIMEOUT: &str = "SET LOCAL lock_timeout = '2s'";
/// How long a batch may take.
const BATCH_TIMEOUT: &str = "SET LOCAL statement_timeout = '1min'";
/// How often a step is tried when it gets no lock.
const MAX_ATTEMPTS: u32 = 60;
/// Between two attempts, and the longest pause between two batches.
const MAX_PAUSE: Duration = Duration::from_secs(1);
/// How often the log says how far the batches are.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(10);

/// A migration that is under way.
pub(crate) struct Run<'a> {
    pub(crate) db: &'a DatabaseConnection,
    pub(crate) name: &'static str,
    pub(crate) min_version: Option<&'static str>,
    pub(crate) progress: Progress,
}

impl Run<'_> {
    /// Run the steps that are left.
    pub(crate) async fn steps(mut self, steps: &[Step]) -> Result<(), DbErr> {
        let last = steps.len().saturating_sub(1);
        // A single transaction is there or not. Of several steps the first can be there alone.
        if steps.len() > 1 {
            record::begin(self.db, self.name, self.min_version).await?;
        }
        for (number, step) in steps.iter().enumerate().skip(self.progress.steps) {
            match step.kind {
                Kind::Transaction => self.transaction(step.sql, number == last).await?,
                Kind::Index(index) => self.index(index, step.sql).await?,
                Kind::Batches { size, table, column } => self.batches(step.sql, size, table, column).await?,
            }
            if steps.len() > 1 {
                tracing::info!(migration = self.name, step = number + 1, of = steps.len(), "step applied");
            }
        }
        if steps.last().is_none_or(|step| step.kind != Kind::Transaction) {
            record::begin(self.db, self.name, self.min_version).await?;
            record::finish(self.db, self.name).await?;
        }
        Ok(())
    }

    /// Apply a step and record it in one transaction.
    async fn transaction(&mut self, sql: &str, is_last: bool) -> Result<(), DbErr> {
        let progress = Progress { steps: self.progress.steps + 1, place: None };
        let mut attempts = Attempts::new(self.name);
        loop {
            match self.try_transaction(sql, progress, is_last).await {
                Err(error) if attempts.again(&error).await => {}
                result => {
                    self.progress = progress;
                    return result;
                }
            }
        }
    }

    async fn try_transaction(&self, sql: &str, progress: Progress, is_last: bool) -> Result<(), DbErr> {
        let tx = self.begin(&[LOCK_TIMEOUT]).await?;
        tx.execute_unprepared(sql).await?;
        record::begin(&tx, self.name, self.min_version).await?;
        record::advance(&tx, self.name, progress).await?;
        if is_last {
            record::finish(&tx, self.name).await?;
        }
        tx.commit().await
    }

    /// Build an index. What an interrupted attempt has left is dropped first.
    async fn index(&mut self, index: &str, sql: &str) -> Result<(), DbErr> {
        if self.db.get_database_backend() == DbBackend::Sqlite {
            return self.transaction(sql, false).await;
        }
        let mut attempts = Attempts::new(self.name);
        loop {
            match self.try_index(index, sql).await {
                Err(error) if attempts.again(&error).await => {}
                result => break result?,
            }
        }
        if self.is_valid(index).await? != Some(true) {
            return Err(DbErr::Migration(format!("{}: its step builds no index {index}", self.name)));
        }
        self.complete().await
    }

    async fn try_index(&self, index: &str, sql: &str) -> Result<(), DbErr> {
        match self.is_valid(index).await? {
            Some(true) => return Ok(()),
            Some(false) => {
                tracing::info!(migration = self.name, index, "dropping what an interrupted attempt has left");
                let drop = format!("DROP INDEX CONCURRENTLY IF EXISTS {index}");
                self.db.execute_unprepared(&drop).await?;
            }
            None => {}
        }
        tracing::info!(migration = self.name, index, "building an index while the service writes");
        self.db.execute_unprepared(sql).await.map(|_| ())
    }

    /// Whether an index is complete; `None` without one of this name.
    async fn is_valid(&self, index: &str) -> Result<Option<bool>, DbErr> {
        let sql = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass($1)";
        let row = self.db.query_one_raw(statement(self.db, sql, [index.into()])).await?;
        row.map(|row| row.try_get("", "indisvalid")).transpose()
    }

    /// Run a statement for one range of keys after the other, until no row is behind the last one.
    async fn batches(&mut self, sql: &str, size: u32, table: &str, column: &str) -> Result<(), DbErr> {
        let next = format!(
            "SELECT max(k) AS upper, count(*) AS found, (SELECT max({column}) FROM {table}) AS last \
             FROM (SELECT {column} AS k FROM {table} WHERE {column} > $1 ORDER BY {column} LIMIT {size}) AS batch"
        );
        let mut rows = 0_i64;
        let mut told = Instant::now();
        let mut attempts = Attempts::new(self.name);
        loop {
            let began = Instant::now();
            let batch = match self.try_batch(sql, &next).await {
                Err(error) if attempts.again(&error).await => continue,
                batch => batch?,
            };
            let Some(batch) = batch else { break };
            attempts = Attempts::new(self.name);
            self.progress.place = Some(batch.upper);
            rows += batch.found;
            if told.elapsed() >= PROGRESS_INTERVAL {
                let (place, last) = (batch.upper, batch.last);
                tracing::info!(migration = self.name, rows, place, last, "batches applied");
                told = Instant::now();
            }
            // Half of the time belongs to the service.
            sleep(began.elapsed().min(MAX_PAUSE)).await;
        }
        tracing::info!(migration = self.name, rows, "all batches applied");
        self.complete().await
    }

    /// Run a statement for the next range, and record the range in the same transaction; `None`
    /// when no row is left.
    async fn try_batch(&self, sql: &str, next: &str) -> Result<Option<Batch>, DbErr> {
        let lower = self.progress.place.unwrap_or(i64::MIN);
        let tx = self.begin(&[LOCK_TIMEOUT, BATCH_TIMEOUT]).await?;
        let Some(row) = tx.query_one_raw(statement(&tx, next, [lower.into()])).await? else {
            return Ok(None);
        };
        let Some(upper) = row.try_get::<Option<i64>>("", "upper")? else {
            return Ok(None);
        };
        tx.execute_raw(statement(&tx, sql, [lower.into(), upper.into()])).await?;
        let progress = Progress { place: Some(upper), ..self.progress };
        record::advance(&tx, self.name, progress).await?;
        tx.commit().await?;
        let (found, last) = (row.try_get("", "found")?, row.try_get("", "last")?);
        Ok(Some(Batch { upper, found, last }))
    }

    /// Record that a step is complete.
    async fn complete(&mut self) -> Result<(), DbErr> {
        self.progress = Progress { steps: self.progress.steps + 1, place: None };
        record::advance(self.db, self.name, self.progress).await
    }

    async fn begin(&self, limits: &[&str]) -> Result<DatabaseTransaction, DbErr> {
        let tx = self.db.begin().await?;
        if tx.get_database_backend() == DbBackend::Postgres {
            tx.execute_unprepared(&limits.join(";")).await?;
        }
        Ok(tx)
    }
}

/// A range of keys that a statement has covered.
struct Batch {
    upper: i64,
    found: i64,
    /// The highest key of the table.
    last: i64,
}

/// Attempts at a step that got no lock in time, or was chosen to end a deadlock.
struct Attempts {
    name: &'static str,
    failed: u32,
}

impl Attempts {
    const fn new(name: &'static str) -> Self {
        Self { name, failed: 0 }
    }

    /// Whether to try again after this error; waits before it says so.
    async fn again(&mut self, error: &DbErr) -> bool {
        self.failed += 1;
        if self.failed == MAX_ATTEMPTS || !got_no_lock(error) {
            return false;
        }
        tracing::warn!(migration = self.name, attempt = self.failed, %error, "step got no lock; retrying");
        sleep(MAX_PAUSE).await;
        true
    }
}

fn got_no_lock(error: &DbErr) -> bool {
    let (DbErr::Exec(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error))) = error else {
        return false;
    };
    let code = error.as_database_error().and_then(|error| error.code());
    code.is_some_and(|code| matches!(&*code, "55P03" | "40P01" | "40001"))
}
