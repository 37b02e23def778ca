use std::time::{Duration, Instant};

use async_nats::jetstream::Context;
use watchword_events::{Event, LoggedOut, LogoutScope};

use crate::example::{Account, Example, caught_up, delete_durable};
use crate::servers::{ClickHouse, clickhouse};
use crate::support::{NatsServer, create_stream, eventually};

const DURABLE: &str = "clickhouse-analytics";
const COUNT: &str = "SELECT count(), uniqExact(event_id) FROM auth_events FINAL";

fn example(server: &NatsServer, database: &ClickHouse) -> Example {
    Example::new("clickhouse_analytics", server)
        .set("CLICKHOUSE_URL", database.url())
        .set("CLICKHOUSE_USER", clickhouse::USER)
        .set("CLICKHOUSE_PASSWORD", clickhouse::PASSWORD)
}

/// Publishes a thousand events at a time, since the client limits pending acknowledgements.
async fn publish_many(context: &Context, events: &[Event]) {
    for thousand in events.chunks(1_000) {
        let mut answers = Vec::new();
        for event in thousand {
            let body = event.to_json().unwrap();
            answers.push(context.publish(event.event.subject().into_owned(), body.into()).await.unwrap());
        }
        for answer in answers {
            answer.await.unwrap();
        }
    }
}

fn logged_out() -> LoggedOut {
    LoggedOut {
        session_id: uuid::Uuid::from_u128(1),
        scope: LogoutScope::Local,
        ended_session_ids: vec![uuid::Uuid::from_u128(1)],
    }
}

/// To measure, set `WATCHWORD_CLICKHOUSE_EVENTS=200000` and run
/// `cargo test --release -p watchword-examples clickhouse -- --nocapture`.
#[tokio::test]
#[expect(clippy::print_stderr, reason = "prints the measurement")]
async fn every_event_is_one_row_even_if_it_is_delivered_twice() {
    let (server, database) = (NatsServer::start().await, ClickHouse::start().await);
    let context = server.jetstream().await;
    let stream = create_stream(&context).await;
    let count = std::env::var("WATCHWORD_CLICKHOUSE_EVENTS").map_or(3_000, |text| text.parse().unwrap());
    let mut ada = Account::new(&context, 1);
    let events = (0..count).map(|number| ada.next(logged_out(), Duration::from_millis(number)));
    publish_many(&context, &events.collect::<Vec<_>>()).await;

    let example = example(&server, &database);
    let since = Instant::now();
    let writer = example.start();
    caught_up(&stream, DURABLE, count).await;
    let took = since.elapsed().as_secs_f64();
    eprintln!(
        "{count} events in {took:.2} s, {:.0} events/s from the start of the program",
        count as f64 / took
    );
    writer.stop().await;
    assert_eq!(database.query(COUNT).await, format!("{count}\t{count}"));
    let inserts = database
        .query("SELECT count() FROM system.parts WHERE table = 'auth_events' AND level = 0")
        .await;
    assert!(
        inserts.parse::<u64>().unwrap() < count / 100,
        "{inserts} inserts: events were not batched"
    );

    delete_durable(&stream, DURABLE).await;
    let writer = example.start();
    caught_up(&stream, DURABLE, count).await;
    writer.stop().await;
    assert_eq!(database.query(COUNT).await, format!("{count}\t{count}"), "everything was delivered again");
    database.query("OPTIMIZE TABLE auth_events FINAL").await;
    assert_eq!(database.query("SELECT count() FROM auth_events").await, count.to_string());

    let first = "SELECT occurred_at, occurred_ms, subject, user_id, user_seq, environment, JSONExtractRaw \
                 FROM auth_events ORDER BY event_id LIMIT 1";
    let first = first.replace("JSONExtractRaw", "visitParamExtractString(data, 'timestamp')");
    assert_eq!(
        database.query(&first).await,
        format!(
            "2026-03-01 12:00:00\t1772366400000\tauth.user.logged_out\t{}\t1\tproduction\t2026-03-01T12:00:00.000Z",
            ada.id
        )
    );
}

#[tokio::test]
async fn a_clickhouse_outage_loses_no_event() {
    let (server, mut database) = (NatsServer::start().await, ClickHouse::start().await);
    let context = server.jetstream().await;
    let stream = create_stream(&context).await;
    let mut ada = Account::new(&context, 1);
    ada.publish(logged_out(), Duration::ZERO).await;
    let example = example(&server, &database);
    let writer = example.start();
    caught_up(&stream, DURABLE, 1).await;
    database.kill();
    ada.publish(logged_out(), Duration::from_secs(1)).await;
    eventually("the insert fails", async || {
        let info = stream.consumer_info(DURABLE).await.ok()?;
        (info.num_redelivered > 0).then_some(())
    })
    .await;
    database.start_again().await;
    caught_up(&stream, DURABLE, 3).await;
    writer.stop().await;
    assert_eq!(database.query(COUNT).await, "2\t2");

    database.kill();
    let error = example.failure().await;
    assert!(
        error.starts_with("Error: cannot reach ClickHouse: start it, or set CLICKHOUSE_URL"),
        "{error}"
    );
}
