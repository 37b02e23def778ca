//! Writes every event into an audit table in PostgreSQL, exactly once.
//!
//! It shows the **inbox**: the row and the note that the event is dealt with are one transaction, and the event is
//! acknowledged after its commit. Killed at any moment, the program leaves both or none; an event that comes again finds
//! the note. `occurred_at` is the time of the event, `account_seq` its number among the account's events.
//!
//! ```sh
//! docker compose up -d audit-db
//! cargo run --example postgres_audit
//! psql postgres://audit:audit-dev@127.0.0.1:5433/audit -c 'SELECT occurred_at, subject, account FROM auth_audit ORDER BY 1'
//! ```
//!
//! `NATS_URL` says where NATS is, `AUDIT_DATABASE_URL` where PostgreSQL is (the default is the one of the lines above).

use std::time::Duration;

use anyhow::Context as _;
use sqlx::postgres::{PgPool, PgPoolOptions, Postgres};
use sqlx::{Executor as _, Transaction};
use watchword_events::subscriber::PostgresInbox;
use watchword_events::{Failure, Received, Subscriber};
use watchword_examples::{NATS_HELP, ctrl_c, nats_url, setting, show_warnings};

/// How many events are written at the same time, each over a connection of its own.
const WRITERS: usize = 8;

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

/// An event that is here already, under another durable's name or from before the inbox was emptied, stays as it is.
const INSERT: &str = "
    INSERT INTO auth_audit (event_id, occurred_at, subject, account, account_seq, data, metadata)
    VALUES ($1, $2, $3, $4, $5, $6::jsonb, $7::jsonb) ON CONFLICT DO NOTHING";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    show_warnings();
    let url = setting("AUDIT_DATABASE_URL", "postgres://audit:audit-dev@127.0.0.1:5433/audit");
    let pool = PgPoolOptions::new()
        .max_connections(WRITERS.try_into()?)
        .acquire_timeout(Duration::from_secs(5))
        .connect(&url)
        .await
        .context("PostgreSQL cannot be reached: AUDIT_DATABASE_URL says where it is")?;
    let inbox = PostgresInbox::new(pool.clone());
    create_tables(&pool, &inbox)
        .await
        .context("the tables cannot be made")?;
    Subscriber::durable("postgres-audit")
        .concurrency(WRITERS)
        .stop_on(ctrl_c())
        .connect(&nats_url())
        .await
        .context(NATS_HELP)?
        .run_with_inbox(inbox, |received, _delivery, transaction| write(received, transaction))
        .await?;
    Ok(())
}

async fn create_tables(pool: &PgPool, inbox: &PostgresInbox) -> Result<(), sqlx::Error> {
    inbox.create_table().await?;
    let mut transaction = pool.begin().await?;
    // Two programs that start together would both find no table, and one of them would fail.
    transaction
        .execute("SELECT pg_advisory_xact_lock(hashtext('auth_audit'))")
        .await?;
    transaction.execute(TABLE).await?;
    transaction.commit().await
}

/// Writes the row in the inbox's transaction, and gives the transaction back to be committed.
async fn write(
    received: Received,
    mut transaction: Transaction<'static, Postgres>,
) -> Result<Transaction<'static, Postgres>, Failure> {
    let metadata = received.raw().get("metadata").map(ToString::to_string);
    let written = sqlx::query(INSERT)
        .bind(received.id)
        .bind(received.timestamp)
        .bind(&received.subject)
        .bind(received.user.map(|user| user.id))
        .bind(received.user.map(|user| user.seq))
        .bind(serde_json::to_string(received.data())?)
        .bind(metadata)
        .execute(&mut *transaction)
        .await;
    match written {
        Ok(_) => Ok(transaction),
        // A text that PostgreSQL cannot store (class 22): it will say so again.
        Err(sqlx::Error::Database(error)) if error.code().is_some_and(|code| code.starts_with("22")) => {
            Err(Failure::Poison(error))
        }
        // Rolled back, and the event comes again later.
        Err(error) => Err(Failure::retry(error)),
    }
}
