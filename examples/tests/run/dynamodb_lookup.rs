use std::time::Duration;

use serde_json::json;
use watchword_events::{Deleted, DeletedReason, EventKind, LoggedOut, LogoutScope};

use crate::example::{Account, Example, caught_up, forget};
use crate::servers::Dynalite;
use crate::support::{NatsServer, create_stream, event, publish};

const DURABLE: &str = "dynamodb-lookup";

fn logged_out() -> LoggedOut {
    LoggedOut {
        session_id: uuid::Uuid::from_u128(1),
        scope: LogoutScope::Local,
    }
}

#[tokio::test]
async fn an_account_has_each_event_once_in_the_order_of_time() {
    let (server, database) = (NatsServer::start().await, Dynalite::start().await);
    let context = server.jetstream().await;
    let stream = create_stream(&context).await;
    let (mut ada, mut bob) = (Account::new(&context, 1), Account::new(&context, 2));
    let first = ada.does(logged_out(), Duration::ZERO).await;
    for second in 1..20 {
        ada.does(logged_out(), Duration::from_secs(second)).await;
    }
    bob.does(
        Deleted {
            reason: DeletedReason::User,
        },
        Duration::ZERO,
    )
    .await;
    // About nobody that exists.
    let mut nobody = event(EventKind::LoginFailed, 7);
    nobody.user = None;
    publish(&context, &nobody).await;

    let example = Example::new("dynamodb_lookup", &server).set("DYNAMODB_ENDPOINT", database.url());
    let writer = example.start();
    caught_up(&stream, DURABLE, 22).await;
    writer.stop().await;
    // So that a second put would be seen.
    let mark = json!({
        "TableName": "auth_events",
        "Key": {"userId": {"S": ada.id}, "eventId": {"S": first.id}},
        "UpdateExpression": "SET subject = :mark",
        "ExpressionAttributeValues": {":mark": {"S": "marked"}},
    });
    database.call("UpdateItem", &mark).await;
    forget(&stream, DURABLE).await;
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
async fn a_database_that_is_not_there_is_said_in_words() {
    let (server, mut database) = (NatsServer::start().await, Dynalite::start().await);
    database.kill();
    let example = Example::new("dynamodb_lookup", &server).set("DYNAMODB_ENDPOINT", database.url());
    let said = example.failure().await;
    assert!(
        said.starts_with("Error: DynamoDB cannot be reached: DYNAMODB_ENDPOINT says where it is"),
        "{said}"
    );
}
