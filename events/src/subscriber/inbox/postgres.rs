//! The inbox for those whose work is in PostgreSQL.

use std::time::Duration;

use sqlx::postgres::{PgPool, Postgres};
use sqlx::{Executor as _, Transaction};
use uuid::Uuid;

use super::inbox::Inbox;

/// An [`Inbox`] in the table `watchword_inbox` of a PostgreSQL database: one row for each event and durable.
///
/// ```no_run
/// use watchword_events::{EventKind, Failure, Subscriber};
/// use watchword_events::subscriber::PostgresInbox;
///
/// # async fn example(pool: sqlx::PgPool) -> Result<(), Box<dyn std::error::Error>> {
/// let inbox = PostgresInbox::new(pool);
/// inbox.create_table().await?;
/// Subscriber::durable("audit")
///     .connect("nats://127.0.0.1:4222")
///     .await?
///     .run_with_inbox(inbox, |received, _delivery, mut transaction| async move {
///         sqlx::query("INSERT INTO audit (subject, at) VALUES ($1, $2::timestamptz)")
///             .bind(&received.subject)
///             .bind(received.timestamp.to_string())
///             .execute(&mut *transaction)
///             .await?; // any error: rolled back, and the event comes again later
///         Ok(transaction) // committed, and then acknowledged
///     })
///     .await?;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct PostgresInbox {
    pool: PgPool,
}

impl PostgresInbox {
    /// What [`create_table`](Self::create_table) runs, for programs whose tables are made by migrations.
    pub const SCHEMA: &str = "\
CREATE TABLE IF NOT EXISTS watchword_inbox (
    durable text NOT NULL,
    event_id uuid NOT NULL,
    handled_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (durable, event_id)
)";

    /// Uses the table in the pool's `search_path`. Each handler that runs takes one connection of the pool.
    #[must_use]
    pub const fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// Makes the table unless it is there.
    ///
    /// # Errors
    /// When the database refuses or cannot be reached.
    pub async fn create_table(&self) -> Result<(), sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        // Two programs that start together would both find no table, and one of them would fail.
        transaction
            .execute("SELECT pg_advisory_xact_lock(hashtext('watchword_inbox'))")
            .await?;
        transaction.execute(Self::SCHEMA).await?;
        transaction.commit().await
    }

    /// Deletes the notes that are older than `age`, and says how many. Keep them longer than the stream keeps
    /// its messages: an event that comes again after its note is gone is applied again.
    ///
    /// # Errors
    /// When the database refuses or cannot be reached.
    pub async fn forget(&self, age: Duration) -> Result<u64, sqlx::Error> {
        let gone = sqlx::query("DELETE FROM watchword_inbox WHERE handled_at < now() - make_interval(secs => $1)")
            .bind(age.as_secs_f64())
            .execute(&self.pool)
            .await?;
        Ok(gone.rows_affected())
    }
}

impl Inbox for PostgresInbox {
    type Transaction = Transaction<'static, Postgres>;
    type Error = sqlx::Error;

    async fn begin(&self, durable: &str, event: Uuid) -> Result<Option<Self::Transaction>, Self::Error> {
        let mut transaction = self.pool.begin().await?;
        let note = "INSERT INTO watchword_inbox (durable, event_id) VALUES ($1, $2) ON CONFLICT DO NOTHING";
        let noted = sqlx::query(note)
            .bind(durable)
            .bind(event)
            .execute(&mut *transaction)
            .await?;
        if noted.rows_affected() == 0 {
            transaction.rollback().await?;
            return Ok(None);
        }
        Ok(Some(transaction))
    }

    async fn commit(&self, transaction: Self::Transaction) -> Result<(), Self::Error> {
        transaction.commit().await
    }
}
