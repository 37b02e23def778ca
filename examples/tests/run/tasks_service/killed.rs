//! The service is killed again and again while events arrive. Its table is that of the events.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use async_nats::jetstream::consumer::pull;
use async_nats::jetstream::{Context, stream::Stream};
use sqlx::SqlitePool;
use uuid::Uuid;
use watchword_events::subscriber::CancellationToken;
use watchword_events::{AccountStatus, Enabled, EnabledReason};

use super::{DELETED, DISABLED, DURABLE, renamed};
use crate::example::{Account, Example, caught_up, registered};
use crate::servers::free_port;
use crate::support::{NatsServer, create_stream};

const KILLS: u64 = 20;
/// How many users register in a round, and how many events each user gets, one in a round.
const NEW_USERS: u128 = 4;
const EVENTS: u128 = 7;
const ROUND_INTERVAL: Duration = Duration::from_millis(150);

const ENABLED: Enabled = Enabled { reason: EnabledReason::Admin, status: AccountStatus::Active };

/// A user as the service's table has it: number of the last event, name and status.
type Row = (i64, Option<String>, String);

/// Publishes events of ever new users until `stop` is cancelled. Returns the table that follows
/// from them.
async fn publish_changes(context: Context, stop: CancellationToken) -> BTreeMap<Uuid, Row> {
    let mut rows = BTreeMap::new();
    let mut accounts: VecDeque<Account<'_>> = VecDeque::new();
    let mut users = 0;
    while !stop.is_cancelled() {
        users += NEW_USERS;
        accounts.extend((users - NEW_USERS + 1..=users).map(|number| Account::new(&context, number)));
        accounts.drain(..accounts.len().saturating_sub(usize::try_from(NEW_USERS * EVENTS).unwrap()));
        for account in &mut accounts {
            let row = rows.entry(account.id).or_insert((0, None, String::new()));
            change(account, row).await;
        }
        tokio::time::sleep(ROUND_INTERVAL).await;
    }
    rows
}

/// Publishes the next event of a user and applies it to the row. Names are rarely given, so that no
/// later event covers up a lost one.
async fn change(account: &mut Account<'_>, row: &mut Row) {
    let number = account.id.as_u128() & 0xffff;
    row.0 += 1;
    match row.0 {
        1 => {
            let name = format!("user {number}");
            account.publish(registered("user@example.com", &name), Duration::ZERO).await;
            (row.1, row.2) = (Some(name), "active".to_owned());
        }
        4 if number.is_multiple_of(2) => {
            let name = number.is_multiple_of(4).then(|| format!("renamed {number}"));
            account.publish(renamed(name.as_deref()), Duration::ZERO).await;
            row.1 = name;
        }
        7 if number.is_multiple_of(5) => {
            account.publish(DELETED, Duration::ZERO).await;
            (row.1, row.2) = (None, "deleted".to_owned());
        }
        _ if row.2 == "active" => {
            account.publish(DISABLED, Duration::ZERO).await;
            row.2 = "disabled".to_owned();
        }
        _ => {
            account.publish(ENABLED, Duration::ZERO).await;
            row.2 = "active".to_owned();
        }
    }
}

/// A durable as an administrator makes it for the service. What a killed program had is redelivered
/// soon, so that the test is short.
async fn provision(stream: &Stream) {
    let config = pull::Config {
        durable_name: Some(DURABLE.to_owned()),
        ack_wait: Duration::from_secs(2),
        max_ack_pending: 256,
        max_deliver: 100,
        filter_subject: "auth.user.*".to_owned(),
        ..Default::default()
    };
    stream.create_consumer(config).await.unwrap();
}

async fn table(example: &Example) -> BTreeMap<Uuid, Row> {
    let path = example.file("tasks_service.db");
    let db = SqlitePool::connect(&format!("sqlite://{}?mode=ro", path.display())).await.unwrap();
    let rows: Vec<(String, i64, Option<String>, String)> =
        sqlx::query_as("SELECT id, seq, name, status FROM users").fetch_all(&db).await.unwrap();
    rows.into_iter()
        .map(|(id, seq, name, status)| (id.parse().unwrap(), (seq, name, status)))
        .collect()
}

#[tokio::test]
async fn twenty_kills_under_load_lose_no_change() {
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    let stream = create_stream(&context).await;
    provision(&stream).await;
    let published = CancellationToken::new();
    let publishing = tokio::spawn(publish_changes(context.clone(), published.clone()));

    let port = free_port();
    let example = Example::new("tasks_service", &server).set("TASKS_LISTEN", format!("127.0.0.1:{port}"));
    for kill in 0..KILLS {
        let mut service = example.start();
        service.line().await;
        tokio::time::sleep(Duration::from_millis(300 + 37 * kill % 200)).await;
        service.kill().await;
    }
    published.cancel();
    let mut service = example.start();
    service.line().await;
    let expected = publishing.await.unwrap();
    caught_up(&stream, DURABLE, 1).await;
    service.stop().await;
    let seen = table(&example).await;
    let wrong = expected.iter().filter(|(id, row)| seen.get(*id) != Some(row));
    let wrong: Vec<_> = wrong.map(|(id, row)| (id, row, seen.get(id))).collect();
    assert!(wrong.is_empty(), "{} of {} users are wrong: {wrong:?}", wrong.len(), expected.len());
}
