//! The examples as the users of `nats/accounts.conf`, with the durables that `nats/provision.sh`
//! creates.

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

/// The password of all users in these tests.
const PASSWORD: &str = "secret";

#[tokio::test]
async fn tail_runs_as_its_user() {
    let server = provisioned().await;
    let mut tail = as_user("tail", "tail", &server).start();
    let line = tail.line().await;
    assert!(line.starts_with("1 auth.user.registered {"), "{line}");
    let line = tail.line().await;
    assert!(line.starts_with("2 auth.user.logged_in {"), "{line}");
    tail.stop().await;
}

#[tokio::test]
async fn welcome_mailer_runs_as_its_user() {
    let server = provisioned().await;
    let example = as_user("welcome_mailer", "welcome-mailer", &server).set("SMTP_URL", "");
    let mut mailer = example.start();
    let line = mailer.line().await;
    assert_eq!(line, "To: ada@example.com | Subject: Welcome, Ada Lovelace!");
    mailer.stop().await;
}

#[tokio::test]
async fn security_monitor_and_tasks_service_run_as_their_users() {
    let server = provisioned().await;
    acknowledges_events(&as_user("security_monitor", "security-monitor", &server), "security-monitor", &server).await;
    let tasks = as_user("tasks_service", "tasks-service", &server);
    let tasks = tasks.set("TASKS_LISTEN", format!("127.0.0.1:{}", free_port()));
    acknowledges_events(&tasks, "tasks-service", &server).await;
}

#[tokio::test]
async fn examples_with_a_database_run_as_their_users() {
    let (server, postgres) = (provisioned().await, Postgres::start().await);
    let (clickhouse, dynalite) = (ClickHouse::start().await, Dynalite::start().await);
    let url = format!("postgres:///postgres?user=test&host={}", postgres.socket().display());
    let audit = as_user("postgres_audit", "postgres-audit", &server).set("AUDIT_DATABASE_URL", url);
    acknowledges_events(&audit, "postgres-audit", &server).await;
    let analytics = as_user("clickhouse_analytics", "clickhouse-analytics", &server)
        .set("CLICKHOUSE_URL", clickhouse.url())
        .set("CLICKHOUSE_USER", clickhouse::USER)
        .set("CLICKHOUSE_PASSWORD", clickhouse::PASSWORD);
    acknowledges_events(&analytics, "clickhouse-analytics", &server).await;
    let lookup = as_user("dynamodb_lookup", "dynamodb-lookup", &server).set("DYNAMODB_ENDPOINT", dynalite.url());
    acknowledges_events(&lookup, "dynamodb-lookup", &server).await;
}

#[tokio::test]
async fn verify_offline_runs_as_its_user() {
    let server = provisioned().await;
    let routes = poem::Route::new().at("/.well-known/jwks.json", poem::endpoint::make_sync(|_| r#"{"keys":[]}"#));
    let (url, keys) = serve(routes).await;
    let listen = format!("127.0.0.1:{}", free_port());
    let example = as_user("verify_offline", "verify-offline", &server);
    let mut running = example.set("AUTH_URL", url).set("VERIFY_LISTEN", &listen).start();
    // It prints its address when it has read the stream.
    assert_eq!(running.line().await, format!("http://{listen}/whoami"));
    running.stop().await;
    keys.abort();
}

/// Runs the example until both events are acknowledged.
async fn acknowledges_events(example: &Example, durable: &str, server: &NatsServer) {
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

/// Returns the example with this user in its `NATS_URL`.
fn as_user(example: &'static str, user: &str, server: &NatsServer) -> Example {
    let url = server.url().replace("nats://", &format!("nats://{user}:{PASSWORD}@"));
    Example::new(example, server).set("NATS_URL", url)
}

/// Starts a server with the users, the stream, the durables and two events.
async fn provisioned() -> NatsServer {
    let file = read("nats/accounts.conf");
    let users = file.lines().map(|line| match line.split_once("password: $") {
        Some((before, _)) => format!("{before}password: {PASSWORD}\n"),
        None => format!("{line}\n"),
    });
    let server = NatsServer::start_with(&users.collect::<String>()).await;
    let provisioner = connect(&server, "provisioner", "_INBOX_provisioner").await;
    let stream: Value = serde_json::from_str(&read("nats/streams/auth-events.json")).unwrap();
    send(&provisioner, "STREAM.CREATE.auth-events", &stream).await;
    for entry in fs::read_dir(repository().join("nats/consumers")).unwrap() {
        let durable: Value = serde_json::from_slice(&fs::read(entry.unwrap().path()).unwrap()).unwrap();
        let name = durable.get("name").and_then(Value::as_str).unwrap();
        let request = json!({ "stream_name": "auth-events", "config": durable });
        send(&provisioner, &format!("CONSUMER.CREATE.auth-events.{name}"), &request).await;
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

async fn send(context: &Context, subject: &str, request: &Value) {
    let answer: Value = context.request(subject.to_owned(), request).await.unwrap();
    assert_eq!(answer.get("error"), None, "{subject}");
}

fn read(file: &str) -> String {
    fs::read_to_string(repository().join(file)).unwrap()
}

fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}
