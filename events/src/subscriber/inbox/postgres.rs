//! An inbox in PostgreSQL.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::postgres::{PgPool, Postgres};
use sqlx::{Executor as _, Transaction};
use tokio::time::Instant;
use uuid::Uuid;

use super::Inbox;
use crate::subscriber::order::OrderedInbox;

/// An [`Inbox`] in the table `watchword_inbox` of a PostgreSQL database, with one row per event and
/// durable. [Ordered by user](super::super::Connected::ordered_by_user), it also has one row per
/// user and durable, in `watchword_inbox_users`.
///
/// ```no_run
/// use watchword_events::Subscriber;
/// use watchword_events::subscriber::PostgresInbox;
///
/// # async fn example(pool: sqlx::PgPool) -> Result<(), Box<dyn std::error::Error>> {
/// let inbox = PostgresInbox::new(pool);
/// inbox.create_tables().await?;
/// Subscriber::durable("audit")
///     .connect("nats://127.0.0.1:4222")
///     .await?
///     .run_with_inbox(inbox, |received, _delivery, mut transaction| async move {
///         sqlx::query("INSERT INTO audit (subject, at) VALUES ($1, $2::timestamptz)")
///             .bind(&received.subject)
///             .bind(received.timestamp.to_string())
///             .execute(&mut *transaction)
///             .await?; // any error: rolled back, and the event is redelivered later
///         Ok(transaction) // the kit commits it, then acknowledges the event
///     })
///     .await?;
/// # Ok(()) }
/// ```
///
/// After a failover that leaves the former primary alive, its connections refuse every write. The
/// inbox then closes those of the pool, so that the events go on with the new primary.
#[derive(Clone, Debug)]
pub struct PostgresInbox {
    pool: PgPool,
    /// When a connection last refused to write.
    refused: Arc<Mutex<Option<Instant>>>,
}

/// The `SQLSTATE` of a write in a read-only transaction.
const READ_ONLY: &str = "25006";
/// How long connections are checked after one refused to write.
const CHECK_TIME: Duration = Duration::from_secs(60);

impl PostgresInbox {
    /// The statements that [`create_tables`](Self::create_tables) runs, for programs that create
    /// their tables in migrations.
    pub const SCHEMA: &str = "\
CREATE TABLE IF NOT EXISTS watchword_inbox (
    durable text NOT NULL,
    event_id uuid NOT NULL,
    handled_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (durable, event_id)
);
CREATE TABLE IF NOT EXISTS watchword_inbox_users (
    durable text NOT NULL,
    user_id uuid NOT NULL,
    last_seq bigint NOT NULL,
    PRIMARY KEY (durable, user_id)
)";

    /// Uses the tables in the pool's `search_path`. Each running handler takes one connection of
    /// the pool.
    #[must_use]
    pub fn new(pool: PgPool) -> Self {
        Self { pool, refused: Arc::default() }
    }

    /// Creates the tables that do not exist.
    ///
    /// # Errors
    /// When the database refuses a statement or cannot be reached.
    pub async fn create_tables(&self) -> Result<(), sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        // Without the lock, two programs that start together would both create a table, and one
        // would fail.
        transaction.execute("SELECT pg_advisory_xact_lock(hashtext('watchword_inbox'))").await?;
        sqlx::raw_sql(Self::SCHEMA).execute(&mut *transaction).await?;
        transaction.commit().await
    }

    /// Deletes the records older than `age`, and returns how many. Keep them longer than the stream
    /// keeps its messages: an event that is redelivered after its record was deleted is applied
    /// again.
    ///
    /// # Errors
    /// When the database refuses the statement or cannot be reached.
    pub async fn delete_older_than(&self, age: Duration) -> Result<u64, sqlx::Error> {
        let deleted = sqlx::query("DELETE FROM watchword_inbox WHERE handled_at < now() - make_interval(secs => $1)")
            .bind(age.as_secs_f64())
            .execute(&self.pool)
            .await?;
        Ok(deleted.rows_affected())
    }
}

impl Inbox for PostgresInbox {
    type Transaction = Transaction<'static, Postgres>;
    type Error = sqlx::Error;

    async fn begin(&self, durable: &str, event: Uuid) -> Result<Option<Self::Transaction>, Self::Error> {
        let begun = self.record(durable, event).await;
        let code = begun
            .as_ref()
            .err()
            .and_then(sqlx::Error::as_database_error)
            .and_then(|error| error.code());
        if code.is_some_and(|code| code == READ_ONLY) {
            *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        }
        begun
    }

    async fn commit(&self, transaction: Self::Transaction) -> Result<(), Self::Error> {
        transaction.commit().await
    }
}

impl PostgresInbox {
    async fn record(&self, durable: &str, event: Uuid) -> Result<Option<Transaction<'static, Postgres>>, sqlx::Error> {
        let mut transaction = self.transaction().await?;
        let insert = "INSERT INTO watchword_inbox (durable, event_id) VALUES ($1, $2) ON CONFLICT DO NOTHING";
        let recorded = sqlx::query(insert).bind(durable).bind(event).execute(&mut *transaction).await?;
        if recorded.rows_affected() == 0 {
            transaction.rollback().await?;
            return Ok(None);
        }
        Ok(Some(transaction))
    }

    /// Begins a transaction on a connection that may write, as far as that is in doubt.
    async fn transaction(&self) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
        let refused = *self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        if refused.is_none_or(|at| at.elapsed() > CHECK_TIME) {
            return self.pool.begin().await;
        }
        let is_read_only = "SELECT current_setting('transaction_read_only')::boolean";
        for _ in 0..self.pool.size() {
            let mut transaction = self.pool.begin().await?;
            if !sqlx::query_scalar(is_read_only).fetch_one(&mut *transaction).await? {
                return Ok(transaction);
            }
            // The session ends, and this answer with it. The pool discards its connection.
            let _ = transaction.execute("SELECT pg_terminate_backend(pg_backend_pid())").await;
        }
        self.pool.begin().await
    }
}

impl OrderedInbox for PostgresInbox {
    async fn last_seq(
        &self,
        transaction: &mut Self::Transaction,
        durable: &str,
        user: Uuid,
    ) -> Result<Option<i64>, Self::Error> {
        // The update changes nothing and locks the row, which an insert of another transaction does
        // too. A new row is rolled back with its event if that is not the next one.
        let lock = "INSERT INTO watchword_inbox_users (durable, user_id, last_seq) VALUES ($1, $2, 0) \
                    ON CONFLICT (durable, user_id) DO UPDATE SET last_seq = watchword_inbox_users.last_seq \
                    RETURNING last_seq";
        let row = sqlx::query_scalar(lock).bind(durable).bind(user);
        let last: i64 = row.fetch_one(&mut **transaction).await?;
        Ok((last > 0).then_some(last))
    }

    async fn set_last_seq(
        &self,
        transaction: &mut Self::Transaction,
        durable: &str,
        user: Uuid,
        seq: i64,
    ) -> Result<(), Self::Error> {
        let update = "UPDATE watchword_inbox_users SET last_seq = $3 WHERE durable = $1 AND user_id = $2";
        sqlx::query(update).bind(durable).bind(user).bind(seq).execute(&mut **transaction).await?;
        Ok(())
    }
}
