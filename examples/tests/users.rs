//! The examples under the users of `nats/accounts.conf`, with durables as `nats/provision.sh` makes them.
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test stops at the first thing that is not as it should be"
)]

#[expect(
    dead_code,
    reason = "shared with the tests of the subscriber kit, which need more of it"
)]
#[path = "../../events/tests/support/mod.rs"]
mod support;

use std::fs;
use std::path::Path;
use std::process::Stdio;

use async_nats::ConnectOptions;
use async_nats::jetstream::{self, Context};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;
use watchword_events::EventKind;

use support::{NatsServer, PATIENCE, event, publish};

/// Everybody's password in these tests.
const PASSWORD: &str = "secret";

#[tokio::test]
async fn tail_runs_under_its_user() {
    let server = shipped().await;
    let line = first_line("tail", "tail", &server).await;
    assert!(line.starts_with("1 auth.user.registered {"), "{line}");
}

#[tokio::test]
async fn welcome_mailer_runs_under_its_user() {
    let server = shipped().await;
    let line = first_line("welcome_mailer", "welcome-mailer", &server).await;
    assert_eq!(line, "To: ada@example.com | Subject: Welcome, Ada Lovelace!");
}

/// A server with the users, the stream and the durables, and one event in the stream.
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

/// Runs an example as somebody, as its documentation says, until it has printed a line.
async fn first_line(example: &str, user: &str, server: &NatsServer) -> String {
    let tests = std::env::current_exe().unwrap();
    let program = tests.ancestors().nth(2).unwrap().join("examples").join(example);
    let url = server.url().replace("nats://", &format!("nats://{user}:{PASSWORD}@"));
    let mut child = Command::new(program)
        .env("NATS_URL", url)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = tokio::time::timeout(PATIENCE, lines.next_line()).await;
    line.unwrap_or_else(|_| panic!("{example} prints nothing"))
        .unwrap()
        .unwrap()
}

fn read(file: &str) -> String {
    fs::read_to_string(repository().join(file)).unwrap()
}

fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}
