//! The case for an inbox: the process dies after the commit and before the acknowledgement.

use std::env;
use std::process::Command;

use sqlx::{Postgres as Database, Transaction};
use uuid::Uuid;
use watchword_events::EventKind;
use watchword_events::subscriber::{Inbox, PostgresInbox};

use super::postgres::{Postgres, connect};
use super::support::{NatsServer, create_stream, event};
use super::{DURABLE, applied, apply, durable, publish_copy, settled, tables};

const NATS: &str = "WATCHWORD_TEST_NATS";
const SOCKET: &str = "WATCHWORD_TEST_SOCKET";

/// Ends the process right after the commit.
struct DiesAfterCommit(PostgresInbox);

impl Inbox for DiesAfterCommit {
    type Transaction = Transaction<'static, Database>;
    type Error = sqlx::Error;

    async fn begin(&self, durable: &str, event: Uuid) -> Result<Option<Self::Transaction>, Self::Error> {
        self.0.begin(durable, event).await
    }

    async fn commit(&self, transaction: Self::Transaction) -> Result<(), Self::Error> {
        self.0.commit(transaction).await?;
        std::process::abort()
    }
}

#[tokio::test]
#[ignore = "a test below runs it in a process that dies"]
async fn victim() {
    let pool = connect(env::var_os(SOCKET).unwrap().into()).await.unwrap();
    let connected = durable(DURABLE).connect(&env::var(NATS).unwrap()).await.unwrap();
    let inbox = DiesAfterCommit(PostgresInbox::new(pool));
    let handler = |received, _, transaction| async move { apply(&received, transaction).await };
    connected.run_with_inbox(inbox, handler).await.unwrap();
}

#[tokio::test]
async fn a_crash_between_commit_and_acknowledgement_applies_the_event_once() {
    let (server, postgres) = (NatsServer::start().await, Postgres::start().await);
    let (context, pool) = (server.jetstream().await, postgres.pool().await);
    create_stream(&context).await;
    publish_copy(&context, &event(EventKind::LoggedIn, 1)).await;
    let inbox = tables(&pool).await;

    let died = Command::new(env::current_exe().unwrap())
        .args(["--exact", "inbox::crash::victim", "--ignored"])
        .env(NATS, server.url())
        .env(SOCKET, postgres.socket())
        .output()
        .unwrap();
    assert!(!died.status.success());
    assert_eq!(applied(&pool).await, [Uuid::from_u128(1)], "it died after the commit");

    let connected = durable(DURABLE).connect(&server.url()).await.unwrap();
    let task = tokio::spawn(
        connected.run_with_inbox(inbox, |received, _, transaction| async move { apply(&received, transaction).await }),
    );
    settled(&context, DURABLE, 1).await;
    assert_eq!(applied(&pool).await, [Uuid::from_u128(1)]);
    task.abort();
}
