//! The examples under the users of `nats/accounts.conf`, with durables as `nats/provision.sh` makes them.

use std::fs;
use std::path::Path;

use async_nats::ConnectOptions;
use async_nats::jetstream::{self, Context};
use serde_json::{Value, json};
use watchword_events::EventKind;

use crate::example::Example;
use crate::postgres::Postgres;
use crate::servers::{ClickHouse, Dynalite, clickhouse, free_port, serve};
use crate::support::{NatsServer, event, eventually, publish};

/// Everybody's password in these tests.
const PASSWORD: &str = "secret";

#[tokio::test]
async fn tail_runs_under_its_user() {
    let server = shipped().await;
    let mut tail = as_user("tail", "tail", &server).start();
    let line = tail.line().await;
    assert!(line.starts_with("1 auth.user.registered {"), "{line}");
    let line = tail.line().await;
    assert!(line.starts_with("2 auth.user.logged_in {"), "{line}");
    tail.stop().await;
}

#[tokio::test]
async fn welcome_mailer_runs_under_its_user() {
    let server = shipped().await;
    let example = as_user("welcome_mailer", "welcome-mailer", &server).set("SMTP_URL", "");
    let mut mailer = example.start();
    let line = mailer.line().await;
    assert_eq!(line, "To: ada@example.com | Subject: Welcome, Ada Lovelace!");
    mailer.stop().await;
}

#[tokio::test]
async fn security_monitor_and_tasks_service_run_under_their_users() {
    let server = shipped().await;
    works(
        &as_user("security_monitor", "security-monitor", &server),
        "security-monitor",
        &server,
    )
    .await;
    let tasks = as_user("tasks_service", "tasks-service", &server);
    let tasks = tasks.set("TASKS_LISTEN", format!("127.0.0.1:{}", free_port()));
    works(&tasks, "tasks-service", &server).await;
}

#[tokio::test]
async fn those_with_a_database_run_under_their_users() {
    let (server, postgres) = (shipped().await, Postgres::start().await);
    let (clickhouse, dynalite) = (ClickHouse::start().await, Dynalite::start().await);
    let url = format!("postgres:///postgres?user=test&host={}", postgres.socket().display());
    let audit = as_user("postgres_audit", "postgres-audit", &server).set("AUDIT_DATABASE_URL", url);
    works(&audit, "postgres-audit", &server).await;
    let analytics = as_user("clickhouse_analytics", "clickhouse-analytics", &server)
        .set("CLICKHOUSE_URL", clickhouse.url())
        .set("CLICKHOUSE_USER", clickhouse::USER)
        .set("CLICKHOUSE_PASSWORD", clickhouse::PASSWORD);
    works(&analytics, "clickhouse-analytics", &server).await;
    let lookup = as_user("dynamodb_lookup", "dynamodb-lookup", &server).set("DYNAMODB_ENDPOINT", dynalite.url());
    works(&lookup, "dynamodb-lookup", &server).await;
}

#[tokio::test]
async fn verify_offline_runs_under_its_user() {
    let server = shipped().await;
    let routes = poem::Route::new().at(
        "/.well-known/jwks.json",
        poem::endpoint::make_sync(|_| r#"{"keys":[]}"#),
    );
    let (url, keys) = serve(routes).await;
    let listen = format!("127.0.0.1:{}", free_port());
    let example = as_user("verify_offline", "verify-offline", &server);
    let mut running = example.set("AUTH_URL", url).set("VERIFY_LISTEN", &listen).start();
    // It says so when it has read what is in the stream.
    assert_eq!(running.line().await, format!("http://{listen}/whoami"));
    running.stop().await;
    keys.abort();
}

/// Runs until the server knows everything as acknowledged.
async fn works(example: &Example, durable: &str, server: &NatsServer) {
    let provisioner = connect(server, "provisioner", "_INBOX_provisioner").await;
    let running = example.start();
    eventually("everything is acknowledged", async || {
        let info: Value = provisioner
            .request(format!("CONSUMER.INFO.auth-events.{durable}"), &json!({}))
            .await
            .ok()?;
        (info.pointer("/ack_floor/stream_seq") == Some(&json!(2))).then_some(())
    })
    .await;
    drop(running.quit().await);
}

/// An example as somebody, as its documentation says.
fn as_user(example: &'static str, user: &str, server: &NatsServer) -> Example {
    let url = server.url().replace("nats://", &format!("nats://{user}:{PASSWORD}@"));
    Example::new(example, server).set("NATS_URL", url)
}

/// A server with the users, the stream and the durables, and two events in the stream.
async fn shipped() -> NatsServer {
    let file = read("nats/accounts.conf");
    let users = file.lines().map(|line| match line.split_once("password: $") {
        Some((before, _)) => format!("{before}password: {PASSWORD}\n"),
        None => format!("{line}\n"),
    });
    let server = NatsServer::start_with(&users.collect::<String>()).await;
    let provisioner = connect(&server, "provisioner", "_INBOX_provisioner").await;
    let stream: Value = serde_json::from_str(&read("nats/streams/auth-events.json")).unwrap();
    ask(&provisioner, "STREAM.CREATE.auth-events", &stream).await;
    for entry in fs::read_dir(repository().join("nats/consumers")).unwrap() {
        let durable: Value = serde_json::from_slice(&fs::read(entry.unwrap().path()).unwrap()).unwrap();
        let name = durable.get("name").and_then(Value::as_str).unwrap();
        let request = json!({ "stream_name": "auth-events", "config": durable });
        ask(&provisioner, &format!("CONSUMER.CREATE.auth-events.{name}"), &request).await;
    }
    let publisher = connect(&server, "publisher", "_INBOX_auth").await;
    publish(&publisher, &event(EventKind::Registered, 1)).await;
    publish(&publisher, &event(EventKind::LoggedIn, 2)).await;
    server
}

async fn connect(server: &NatsServer, user: &str, inbox: &str) -> Context {
    let options = ConnectOptions::with_user_and_password(user.to_owned(), PASSWORD.to_owned());
    let client = options.custom_inbox_prefix(inbox).connect(server.url()).await;
    jetstream::new(client.unwrap())
}

async fn ask(context: &Context, what: &str, request: &Value) {
    let answer: Value = context.request(what.to_owned(), request).await.unwrap();
    assert_eq!(answer.get("error"), None, "{what}");
}

fn read(file: &str) -> String {
    fs::read_to_string(repository().join(file)).unwrap()
}

fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}
