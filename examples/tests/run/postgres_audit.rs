use std::time::Duration;

use time::OffsetDateTime;
use uuid::Uuid;
use watchword_events::{EventKind, LoggedOut, LogoutScope};

use crate::example::{Account, Example, START, caught_up, delete_durable};
use crate::postgres::Postgres;
use crate::servers::free_port;
use crate::support::{NatsServer, create_stream, event, publish};

const DURABLE: &str = "postgres-audit";

fn logged_out() -> LoggedOut {
    let session_id = Uuid::from_u128(1);
    LoggedOut {
        session_id,
        scope: LogoutScope::Local,
        ended_session_ids: vec![session_id],
    }
}

fn example(server: &NatsServer, database: &Postgres) -> Example {
    let url = format!("postgres:///postgres?user=test&host={}", database.socket().display());
    Example::new("postgres_audit", server).set("AUDIT_DATABASE_URL", url)
}

async fn count(database: &Postgres) -> i64 {
    let count = sqlx::query_scalar("SELECT COUNT(*) FROM auth_audit");
    count.fetch_one(&database.pool().await).await.unwrap()
}

#[tokio::test]
async fn every_event_is_one_row_despite_a_database_crash_and_redelivery() {
    let (server, mut database) = (NatsServer::start().await, Postgres::start().await);
    let context = server.jetstream().await;
    let stream = create_stream(&context).await;
    let mut ada = Account::new(&context, 1);
    for second in 0..50 {
        ada.publish(logged_out(), Duration::from_secs(second)).await;
    }
    let mut unknown = event(EventKind::LoginFailed, 7);
    unknown.user = None;
    publish(&context, &unknown).await;
    let example = example(&server, &database);
    let writer = example.start();
    caught_up(&stream, DURABLE, 51).await;
    assert_eq!(count(&database).await, 51);

    // The database crashes while the example writes.
    for second in 50..100 {
        ada.publish(logged_out(), Duration::from_secs(second)).await;
        if second == 75 {
            database.crash().await;
        }
    }
    caught_up(&stream, DURABLE, 101).await;
    assert_eq!(count(&database).await, 101);
    writer.stop().await;

    delete_durable(&stream, DURABLE).await;
    let writer = example.start();
    caught_up(&stream, DURABLE, 101).await;
    writer.stop().await;
    assert_eq!(count(&database).await, 101, "everything was delivered again");

    type Row = (OffsetDateTime, String, Uuid, String, String);
    let rows = "SELECT occurred_at, subject, account, data->>'scope', metadata->>'service' FROM auth_audit \
                WHERE account = $1 ORDER BY account_seq";
    let rows: Vec<Row> = sqlx::query_as(rows).bind(ada.id).fetch_all(&database.pool().await).await.unwrap();
    assert_eq!(rows.len(), 100);
    for (second, row) in (0..).zip(rows) {
        let at = START + Duration::from_secs(second);
        let expected = (at, "auth.user.logged_out", ada.id, "local", "watchword");
        assert_eq!((row.0, row.1.as_str(), row.2, row.3.as_str(), row.4.as_str()), expected);
    }
}

#[tokio::test]
async fn an_unreachable_database_is_an_error_with_advice() {
    let server = NatsServer::start().await;
    let url = format!("postgres://audit@127.0.0.1:{}/audit", free_port());
    let example = Example::new("postgres_audit", &server).set("AUDIT_DATABASE_URL", url);
    let error = example.failure().await;
    assert!(
        error.starts_with("Error: cannot reach PostgreSQL: start it, or set AUDIT_DATABASE_URL"),
        "{error}"
    );
}
