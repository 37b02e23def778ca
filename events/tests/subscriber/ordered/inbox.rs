//! In order with an inbox: the program is killed twenty times while events arrive.

use std::env;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use async_nats::jetstream::consumer::pull;
use sqlx::{Executor as _, PgPool};
use watchword_events::Subscriber;
use watchword_events::subscriber::PostgresInbox;

use super::super::postgres::{Postgres, connect};
use super::super::support::{NatsServer, create_stream};
use super::{DURABLE, publish_all, settled};

const NATS: &str = "WATCHWORD_TEST_NATS";
const SOCKET: &str = "WATCHWORD_TEST_SOCKET";
const KILLS: u64 = 20;
const USERS: u128 = 20;
const EVENTS: i64 = 90;

#[tokio::test]
#[ignore = "a test below runs it in a process that dies"]
async fn victim() {
    let pool = connect(env::var_os(SOCKET).unwrap().into()).await.unwrap();
    let subscriber = Subscriber::durable(DURABLE).concurrency(4);
    let connected = subscriber.connect(&env::var(NATS).unwrap()).await.unwrap();
    let handler = |received: watchword_events::ReceivedEvent, _, mut transaction: sqlx::Transaction<'static, _>| async move {
        let user = received.user.unwrap();
        sqlx::query("INSERT INTO applied (user_id, seq) VALUES ($1, $2)")
            .bind(user.id)
            .bind(user.seq)
            .execute(&mut *transaction)
            .await?;
        Ok(transaction)
    };
    connected
        .ordered_by_user()
        .run_with_inbox(PostgresInbox::new(pool), handler)
        .await
        .unwrap();
}

/// The numbers of the users in the order in which they were applied, by user.
async fn applied(pool: &PgPool) -> Vec<Vec<i64>> {
    sqlx::query_scalar("SELECT array_agg(seq ORDER BY position) FROM applied GROUP BY user_id ORDER BY user_id")
        .fetch_all(pool)
        .await
        .unwrap()
}

#[tokio::test]
async fn twenty_kills_under_load_apply_every_event_once_and_in_order() {
    let (server, postgres) = (NatsServer::start().await, Postgres::start().await);
    let (context, pool) = (server.jetstream().await, postgres.pool().await);
    let stream = create_stream(&context).await;
    let config = pull::Config {
        durable_name: Some(DURABLE.to_owned()),
        ack_wait: Duration::from_secs(1),
        max_ack_pending: 256,
        max_deliver: 100,
        ..Default::default()
    };
    stream.create_consumer(config).await.unwrap();
    PostgresInbox::new(pool.clone()).create_tables().await.unwrap();
    // No key: an event that is applied twice has two rows.
    pool.execute("CREATE TABLE applied (position bigserial, user_id uuid NOT NULL, seq bigint NOT NULL)")
        .await
        .unwrap();
    let publishing = tokio::spawn({
        let context = context.clone();
        async move {
            for seq in 1..=EVENTS {
                publish_all(&context, (1..=USERS).map(|user| (user, seq))).await;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    });
    let start = || -> Child {
        Command::new(env::current_exe().unwrap())
            .args(["--exact", "ordered::inbox::victim", "--ignored"])
            .env(NATS, server.url())
            .env(SOCKET, postgres.socket())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    };
    for kill in 0..KILLS {
        let mut victim = start();
        tokio::time::sleep(Duration::from_millis(400 + 53 * kill % 200)).await;
        victim.kill().unwrap();
        victim.wait().unwrap();
    }
    let mut last = start();
    publishing.await.unwrap();
    let count = u64::try_from(USERS).unwrap() * u64::try_from(EVENTS).unwrap();
    settled(&context, count).await;
    last.kill().unwrap();
    last.wait().unwrap();
    let all: Vec<i64> = (1..=EVENTS).collect();
    assert_eq!(applied(&pool).await, vec![all; usize::try_from(USERS).unwrap()]);
}
