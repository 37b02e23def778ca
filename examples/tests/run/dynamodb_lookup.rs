use std::time::Duration;

use serde_json::json;
use watchword_events::{AccountStatus, Deleted, DeletedReason, EventKind, LoggedOut, LogoutScope};

use crate::example::{Account, Example, caught_up, delete_durable};
use crate::servers::Dynalite;
use crate::support::{NatsServer, create_stream, event, publish};

const DURABLE: &str = "dynamodb-lookup";

fn logged_out() -> LoggedOut {
    LoggedOut {
        session_id: uuid::Uuid::from_u128(1),
        scope: LogoutScope::Local,
        ended_session_ids: vec![uuid::Uuid::from_u128(1)],
    }
}

#[tokio::test]
async fn a_lookup_prints_each_event_once_in_order_of_time() {
    let (server, database) = (NatsServer::start().await, Dynalite::start().await);
    let context = server.jetstream().await;
    let stream = create_stream(&context).await;
    let (mut ada, mut bob) = (Account::new(&context, 1), Account::new(&context, 2));
    let first = ada.publish(logged_out(), Duration::ZERO).await;
    for second in 1..20 {
        ada.publish(logged_out(), Duration::from_secs(second)).await;
    }
    let deleted = Deleted {
        reason: DeletedReason::User,
        status: AccountStatus::Deleted,
        ended_session_ids: Vec::new(),
    };
    bob.publish(deleted, Duration::ZERO).await;
    // An event about no account.
    let mut unknown = event(EventKind::LoginFailed, 7);
    unknown.user = None;
    publish(&context, &unknown).await;

    let example = Example::new("dynamodb_lookup", &server).set("DYNAMODB_ENDPOINT", database.url());
    let writer = example.start();
    caught_up(&stream, DURABLE, 22).await;
    writer.stop().await;
    // A second put would overwrite the mark.
    let mark = json!({
        "TableName": "auth_events",
        "Key": {"userId": {"S": ada.id}, "eventId": {"S": first.id}},
        "UpdateExpression": "SET subject = :mark",
        "ExpressionAttributeValues": {":mark": {"S": "marked"}},
    });
    database.call("UpdateItem", &mark).await;
    delete_durable(&stream, DURABLE).await;
    let writer = example.start();
    caught_up(&stream, DURABLE, 22).await;
    writer.stop().await;

    let lookup = example.argument(ada.id.to_string());
    let history = lookup.output().await;
    let lines: Vec<&str> = history.lines().collect();
    assert_eq!(lines.len(), 20, "{history}");
    for (second, line) in lines.iter().enumerate() {
        let subject = if second == 0 { "marked" } else { "auth.user.logged_out" };
        let start = format!(
            r#"2026-03-01T12:00:{second:02}.000Z {subject} {{"userId":"{}","timestamp":"2026-03-01T12:00:{second:02}.000Z","#,
            ada.id
        );
        assert!(line.starts_with(&start), "{line}");
    }
}

#[tokio::test]
async fn an_unreachable_database_is_an_error_with_advice() {
    let (server, mut database) = (NatsServer::start().await, Dynalite::start().await);
    database.kill();
    let example = Example::new("dynamodb_lookup", &server).set("DYNAMODB_ENDPOINT", database.url());
    let error = example.failure().await;
    assert!(
        error.starts_with("Error: cannot reach DynamoDB: start it, or set DYNAMODB_ENDPOINT"),
        "{error}"
    );
}
