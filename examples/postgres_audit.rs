//! Writes every event to an audit table in PostgreSQL, exactly once.
//!
//! It shows the **inbox**: one transaction inserts the row and records the event as applied, and
//! the kit acknowledges the event after the commit. A crash at any moment leaves both or neither,
//! and a redelivered event is skipped. `occurred_at` is the time of the event, `account_seq` its
//! number among the account's events.
//!
//! ```sh
//! docker compose up -d audit-db
//! cargo run --example postgres_audit
//! psql postgres://audit:audit-dev@127.0.0.1:5433/audit \
//!   -c 'SELECT occurred_at, subject, account FROM auth_audit ORDER BY 1'
//! ```
//!
//! Settings: `NATS_URL`, and `AUDIT_DATABASE_URL` (default: the database above).

use std::time::Duration;

use anyhow::Context as _;
use sqlx::postgres::{PgPool, PgPoolOptions, Postgres};
use sqlx::{Executor as _, Transaction};
use watchword_events::subscriber::PostgresInbox;
use watchword_events::{HandlerError, ReceivedEvent, Subscriber};
use watchword_examples::{NATS_HELP, ctrl_c, init_logging, nats_url, setting};

/// How many events are written at once, each over its own connection.
const MAX_WRITERS: usize = 8;

const TABLE: &str = "
    CREATE TABLE IF NOT EXISTS auth_audit (
        event_id    uuid PRIMARY KEY,
        occurred_at timestamptz NOT NULL,
        subject     text NOT NULL,
        account     uuid,
        account_seq bigint,
        data        jsonb NOT NULL,
        metadata    jsonb NOT NULL
    );
    CREATE INDEX IF NOT EXISTS auth_audit_of_account ON auth_audit (account, account_seq);";

/// The row of an event may exist, from another durable or from before the inbox was emptied. It is
/// kept.
const INSERT: &str = "
    INSERT INTO auth_audit (event_id, occurred_at, subject, account, account_seq, data, metadata)
    VALUES ($1, $2, $3, $4, $5, $6::jsonb, $7::jsonb) ON CONFLICT DO NOTHING";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    init_logging();
    let url = setting("AUDIT_DATABASE_URL", "postgres://audit:audit-dev@127.0.0.1:5433/audit");
    let pool = PgPoolOptions::new()
        .max_connections(MAX_WRITERS.try_into()?)
        .acquire_timeout(Duration::from_secs(5))
        .connect(&url)
        .await
        .context("cannot reach PostgreSQL: start it, or set AUDIT_DATABASE_URL")?;
    let inbox = PostgresInbox::new(pool.clone());
    create_tables(&pool, &inbox).await.context("cannot create the tables")?;
    Subscriber::durable("postgres-audit")
        .concurrency(MAX_WRITERS)
        .stop_on(ctrl_c())
        .connect(&nats_url())
        .await
        .context(NATS_HELP)?
        .run_with_inbox(inbox, |received, _delivery, transaction| write(received, transaction))
        .await?;
    Ok(())
}

async fn create_tables(pool: &PgPool, inbox: &PostgresInbox) -> Result<(), sqlx::Error> {
    inbox.create_tables().await?;
    let mut transaction = pool.begin().await?;
    // Without the lock, two programs that start together would both create the table, and one would
    // fail.
    transaction.execute("SELECT pg_advisory_xact_lock(hashtext('auth_audit'))").await?;
    transaction.execute(TABLE).await?;
    transaction.commit().await
}

/// Inserts the row in the inbox's transaction, and returns the transaction to be committed.
async fn write(
    received: ReceivedEvent,
    mut transaction: Transaction<'static, Postgres>,
) -> Result<Transaction<'static, Postgres>, HandlerError> {
    let metadata = received.raw().get("metadata").map(ToString::to_string);
    let written = sqlx::query(INSERT)
        .bind(received.id)
        .bind(received.timestamp)
        .bind(&received.subject)
        .bind(received.user.map(|user| user.id))
        .bind(received.user.and_then(|user| user.seq))
        .bind(serde_json::to_string(received.data())?)
        .bind(metadata)
        .execute(&mut *transaction)
        .await;
    match written {
        Ok(_) => Ok(transaction),
        // Data that PostgreSQL cannot store (class 22): a retry would fail again.
        Err(sqlx::Error::Database(error)) if error.code().is_some_and(|code| code.starts_with("22")) => {
            Err(HandlerError::Poison(error))
        }
        // Rolled back; the event is redelivered later.
        Err(error) => Err(HandlerError::retry(error)),
    }
}
