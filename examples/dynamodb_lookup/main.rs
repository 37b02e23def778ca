//! Stores every account's history in a DynamoDB table, and looks it up.
//!
//! It shows a **conditional put**: the database writes an event only if the table does not have its
//! id, so a duplicate makes no second item, and no read comes first. The partition key is the
//! account, the sort key the event's id, a `UUIDv7`: a query for an account returns its events in
//! order of time. `occurredAt` is the time of the event.
//!
//! ```sh
//! docker compose up -d dynamodb
//! cargo run --example dynamodb_lookup                 # writes events until ctrl-c
//! cargo run --example dynamodb_lookup -- <user id>    # prints a user's events
//! ```
//!
//! Settings: `NATS_URL`, and `DYNAMODB_ENDPOINT` (default `http://127.0.0.1:8000`; on AWS
//! `https://dynamodb.<region>.amazonaws.com`, with `AWS_REGION`, `AWS_ACCESS_KEY_ID`,
//! `AWS_SECRET_ACCESS_KEY` and optionally `AWS_SESSION_TOKEN`).

mod client;

use std::env;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Value, json};
use watchword_events::{HandlerError, ReceivedEvent, Subscriber};
use watchword_examples::{NATS_HELP, ctrl_c, init_logging, nats_url};

use client::{DynamoDb, Refused};

const TABLE: &str = "auth_events";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    init_logging();
    let database = DynamoDb::from_environment()?;
    create_table(&database).await?;
    if let Some(user) = env::args().nth(1) {
        return print_history(&database, &user).await;
    }
    Subscriber::durable("dynamodb-lookup")
        .concurrency(8)
        .stop_on(ctrl_c())
        .connect(&nats_url())
        .await
        .context(NATS_HELP)?
        .run(move |received, _delivery| {
            let database = database.clone();
            async move { put(&database, &received).await }
        })
        .await?;
    Ok(())
}

async fn create_table(database: &DynamoDb) -> anyhow::Result<()> {
    let table = json!({
        "TableName": TABLE,
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [
            {"AttributeName": "userId", "KeyType": "HASH"},
            {"AttributeName": "eventId", "KeyType": "RANGE"},
        ],
        "AttributeDefinitions": [
            {"AttributeName": "userId", "AttributeType": "S"},
            {"AttributeName": "eventId", "AttributeType": "S"},
        ],
    });
    let help = "cannot reach DynamoDB: start it, or set DYNAMODB_ENDPOINT";
    match database.call("CreateTable", &table).await.context(help)? {
        Err(refused) if refused.name != "ResourceInUseException" => {
            return Err(refused).context("cannot create the table");
        }
        _created_or_exists => {}
    }
    let name = json!({"TableName": TABLE});
    while database.call("DescribeTable", &name).await??.pointer("/Table/TableStatus") != Some(&json!("ACTIVE")) {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Ok(())
}

async fn put(database: &DynamoDb, received: &ReceivedEvent) -> Result<(), HandlerError> {
    // A failed login to an account that does not exist belongs to no history.
    let Some(user) = received.user else {
        return Ok(());
    };
    let data = received.data();
    let put = json!({
        "TableName": TABLE,
        "ConditionExpression": "attribute_not_exists(eventId)",
        "Item": {
            "userId": {"S": user.id},
            "eventId": {"S": received.id},
            "subject": {"S": received.subject},
            "occurredAt": {"S": data.get("timestamp")},
            "data": {"S": json!(data).to_string()},
        },
    });
    match database.call("PutItem", &put).await.map_err(HandlerError::retry)? {
        Ok(_) => Ok(()),
        Err(Refused { name, .. }) if name == "ConditionalCheckFailedException" => Ok(()),
        // Such as an item that is too large: a retry would fail again. Throttling and the like may
        // pass.
        Err(refused) if refused.name == "ValidationException" => Err(HandlerError::poison(refused)),
        Err(refused) => Err(HandlerError::retry(refused)),
    }
}

#[expect(clippy::print_stdout, reason = "this example prints the history")]
async fn print_history(database: &DynamoDb, user: &str) -> anyhow::Result<()> {
    let mut from = Value::Null;
    loop {
        let mut query = json!({
            "TableName": TABLE,
            "KeyConditionExpression": "userId = :user",
            "ExpressionAttributeValues": {":user": {"S": user}},
        });
        if let (Some(query), false) = (query.as_object_mut(), from.is_null()) {
            query.insert("ExclusiveStartKey".to_owned(), from);
        }
        let mut page = database.call("Query", &query).await??;
        for item in page.get("Items").and_then(Value::as_array).into_iter().flatten() {
            let text = |name: &str| item.pointer(&format!("/{name}/S")).and_then(Value::as_str).unwrap_or_default();
            println!("{} {} {}", text("occurredAt"), text("subject"), text("data"));
        }
        from = match page.get_mut("LastEvaluatedKey") {
            Some(key) => key.take(),
            None => return Ok(()),
        };
    }
}
