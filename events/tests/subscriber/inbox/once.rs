//! An event is applied once, even if it is delivered several times.

use std::time::Duration;

use uuid::Uuid;
use watchword_events::{EventKind, HandlerError};

use super::postgres::Postgres;
use super::support::{NatsServer, create_stream, event};
use super::{DURABLE, applied, apply, durable, publish_copy, settled, tables};

fn ids(numbers: std::ops::RangeInclusive<u128>) -> Vec<Uuid> {
    numbers.map(Uuid::from_u128).collect()
}

#[tokio::test]
async fn copies_that_are_handled_concurrently_are_applied_once() {
    let (server, postgres) = (NatsServer::start().await, Postgres::start().await);
    let (context, pool) = (server.jetstream().await, postgres.pool().await);
    create_stream(&context).await;
    for number in 1..=50 {
        for _ in 0..3 {
            publish_copy(&context, &event(EventKind::LoggedIn, number)).await;
        }
    }
    let inbox = tables(&pool).await;
    let mut tasks = Vec::new();
    for _program in 1..=2 {
        let connected = durable(DURABLE).concurrency(8).connect(&server.url()).await.unwrap();
        tasks.push(tokio::spawn(
            connected.run_with_inbox(inbox.clone(), |received, _, transaction| async move {
                apply(&received, transaction).await
            }),
        ));
    }
    settled(&context, DURABLE, 150).await;
    assert_eq!(applied(&pool).await, ids(1..=50));
    for task in tasks {
        task.abort();
    }
}

#[tokio::test]
async fn a_failed_handler_is_rolled_back_and_retried() {
    let (server, postgres) = (NatsServer::start().await, Postgres::start().await);
    let (context, pool) = (server.jetstream().await, postgres.pool().await);
    create_stream(&context).await;
    for number in 1..=3 {
        publish_copy(&context, &event(EventKind::LoggedIn, number)).await;
    }
    let inbox = tables(&pool).await;
    let connected = durable(DURABLE).connect(&server.url()).await.unwrap();
    let task = tokio::spawn(connected.run_with_inbox(inbox, |received, delivery, transaction| async move {
        let transaction = apply(&received, transaction).await?;
        match (received.id.as_u128(), delivery.attempt) {
            (1, 1) => Err(HandlerError::retry("after the work")),
            (2, 1) => panic!("after the work"),
            _ => Ok(transaction),
        }
    }));
    settled(&context, DURABLE, 3).await;
    assert_eq!(applied(&pool).await, ids(1..=3));
    task.abort();
}

#[tokio::test]
async fn each_durable_has_its_own_records_and_old_ones_can_be_deleted() {
    let (server, postgres) = (NatsServer::start().await, Postgres::start().await);
    let (context, pool) = (server.jetstream().await, postgres.pool().await);
    create_stream(&context).await;
    publish_copy(&context, &event(EventKind::LoggedIn, 1)).await;
    let inbox = tables(&pool).await;
    for name in ["one", "two"] {
        let connected = durable(name).connect(&server.url()).await.unwrap();
        let task = tokio::spawn(connected.run_with_inbox(inbox.clone(), |received, _, transaction| async move {
            apply(&received, transaction).await
        }));
        settled(&context, name, 1).await;
        task.abort();
    }
    assert_eq!(applied(&pool).await, [Uuid::from_u128(1), Uuid::from_u128(1)]);
    assert_eq!(inbox.delete_older_than(Duration::from_secs(60)).await.unwrap(), 0);
    assert_eq!(inbox.delete_older_than(Duration::ZERO).await.unwrap(), 2);
}

#[tokio::test]
async fn a_database_crash_neither_duplicates_nor_loses_events() {
    let (server, mut postgres) = (NatsServer::start().await, Postgres::start().await);
    let (context, pool) = (server.jetstream().await, postgres.pool().await);
    create_stream(&context).await;
    for number in 1..=300 {
        publish_copy(&context, &event(EventKind::LoggedIn, number)).await;
    }
    let inbox = tables(&pool).await;
    let connected = durable(DURABLE).concurrency(4).connect(&server.url()).await.unwrap();
    let task = tokio::spawn(
        connected.run_with_inbox(inbox, |received, _, transaction| async move { apply(&received, transaction).await }),
    );
    for done in [50, 150] {
        super::eventually("some events are applied", async || {
            let count: i64 = sqlx::query_scalar("SELECT count(*) FROM applied").fetch_one(&pool).await.ok()?;
            (count >= done).then_some(())
        })
        .await;
        postgres.crash().await;
    }
    settled(&context, DURABLE, 300).await;
    assert_eq!(applied(&pool).await, ids(1..=300));
    task.abort();
}

#[tokio::test]
async fn connections_that_a_failover_left_read_only_are_replaced() {
    let (server, postgres) = (NatsServer::start().await, Postgres::start().await);
    let (context, pool) = (server.jetstream().await, postgres.pool().await);
    create_stream(&context).await;
    let inbox = tables(&pool).await;
    let admin = postgres.pool().await;
    let connected = durable(DURABLE).concurrency(4).connect(&server.url()).await.unwrap();
    let task = tokio::spawn(
        connected.run_with_inbox(inbox, |received, _, transaction| async move { apply(&received, transaction).await }),
    );
    // The settings of sessions that begin now. The old ones are cut, as by a failover.
    let cut =
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND usename = 'test'";
    let mut session = admin.acquire().await.unwrap();
    for statement in ["ALTER DATABASE postgres SET default_transaction_read_only = on", cut] {
        sqlx::raw_sql(statement).execute(&mut *session).await.unwrap();
    }
    for number in 1..=20 {
        publish_copy(&context, &event(EventKind::LoggedIn, number)).await;
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let on = "SET default_transaction_read_only = off; ALTER DATABASE postgres RESET default_transaction_read_only";
    sqlx::raw_sql(on).execute(&mut *session).await.unwrap();
    settled(&context, DURABLE, 20).await;
    let found: Vec<Uuid> = sqlx::query_scalar("SELECT event_id FROM applied ORDER BY event_id")
        .fetch_all(&mut *session)
        .await
        .unwrap();
    assert_eq!(found, ids(1..=20));
    task.abort();
}
