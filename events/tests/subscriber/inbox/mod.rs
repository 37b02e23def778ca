//! Effectively once: the PostgreSQL inbox.

mod crash;
mod once;

use std::time::Duration;

use async_nats::jetstream::Context;
use sqlx::{Executor as _, PgPool, Postgres, Transaction};
use uuid::Uuid;
use watchword_events::subscriber::{Durable, PostgresInbox};
use watchword_events::{Backoff, Event, HandlerError, ReceivedEvent, Subscriber};

use super::postgres;
use super::support::{self, STREAM, eventually};

const DURABLE: &str = "bookkeeper";

/// Returns a durable subscriber that waits milliseconds instead of seconds.
fn durable(name: &str) -> Subscriber<Durable> {
    Subscriber::durable(name)
        .ack_wait(Duration::from_millis(500))
        .max_deliver(100)
        .backoff(Backoff {
            initial: Duration::from_millis(20),
            max: Duration::from_millis(200),
        })
}

/// Creates the inbox, and a table without a key: an event that is applied twice has two rows.
async fn tables(pool: &PgPool) -> PostgresInbox {
    let inbox = PostgresInbox::new(pool.clone());
    inbox.create_tables().await.unwrap();
    pool.execute("CREATE TABLE IF NOT EXISTS applied (event_id uuid NOT NULL)").await.unwrap();
    inbox
}

/// Inserts a row for the event.
async fn apply(
    received: &ReceivedEvent,
    mut transaction: Transaction<'static, Postgres>,
) -> Result<Transaction<'static, Postgres>, HandlerError> {
    sqlx::query("INSERT INTO applied VALUES ($1)")
        .bind(received.id)
        .execute(&mut *transaction)
        .await?;
    Ok(transaction)
}

async fn applied(pool: &PgPool) -> Vec<Uuid> {
    sqlx::query_scalar("SELECT event_id FROM applied ORDER BY event_id")
        .fetch_all(pool)
        .await
        .unwrap()
}

/// Publishes without a message id, so that the stream stores every copy.
async fn publish_copy(context: &Context, event: &Event) {
    let body = event.to_json().unwrap();
    let ack = context.publish(event.event.subject().into_owned(), body.into()).await.unwrap();
    ack.await.unwrap();
}

/// Waits until everything up to `sequence` is settled at the server.
async fn settled(context: &Context, durable: &str, sequence: u64) {
    eventually("the durable's ack floor", async || {
        let consumer: async_nats::jetstream::consumer::PullConsumer =
            context.get_consumer_from_stream(durable, STREAM).await.ok()?;
        let info = consumer.cached_info();
        (info.ack_floor.stream_sequence >= sequence && info.num_ack_pending == 0).then_some(())
    })
    .await;
}
