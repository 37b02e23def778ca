//! The users of `nats/accounts.conf`, and the shipped server configuration.

use std::fs;
use std::path::Path;

use async_nats::{Client, ConnectOptions, Event};
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::nats::NatsServer;
use super::ports::free_port;
use super::run_dir::repository;

/// A user of `nats/accounts.conf`.
#[derive(Clone, Debug)]
pub(crate) struct User {
    pub(crate) name: String,
    /// The environment variable with the password.
    variable: String,
}

/// Returns every user, in the order of the file.
pub(crate) fn users() -> Vec<User> {
    let file = fs::read_to_string(repository().join("nats/accounts.conf")).expect("nats/accounts.conf");
    let of_line = |line: &str| {
        let (user, password) = line.trim().strip_prefix("user: ")?.split_once(", password: $")?;
        Some(User { name: user.to_owned(), variable: password.to_owned() })
    };
    file.lines().filter_map(of_line).collect()
}

/// Returns the names of the durables of `nats/consumers/`.
pub(crate) fn durables() -> Vec<String> {
    names("nats/consumers")
}

/// Returns the names of the JSON files in a directory of the repository.
fn names(directory: &str) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(repository().join(directory))
        .expect("read the directory")
        .filter_map(|entry| {
            let name = entry.expect("an entry").file_name().into_string().expect("UTF-8");
            name.strip_suffix(".json").map(str::to_owned)
        })
        .collect();
    names.sort();
    names
}

/// Returns the password of a user in the tests.
pub(crate) fn password(user: &str) -> String {
    format!("secret-of-{user}")
}

/// Returns the prefix of a user's reply subjects.
pub(crate) fn inbox(user: &str) -> String {
    match user {
        // The default of `nats.inbox_prefix`.
        "publisher" => "_INBOX_auth".to_owned(),
        user => format!("_INBOX_{user}"),
    }
}

/// Returns the connect options of a user.
pub(crate) fn login(user: &str) -> ConnectOptions {
    ConnectOptions::with_user_and_password(user.to_owned(), password(user)).custom_inbox_prefix(inbox(user))
}

/// Returns the environment of the server, with the passwords.
pub(super) fn environment() -> Vec<(String, String)> {
    let users = users().into_iter();
    users.map(|user| (user.variable, password(&user.name))).collect()
}

/// Copies the shipped configuration with another address and directory, and the users beside it.
pub(super) fn shipped_config(dir: &Path, port: u16, store: &Path) -> String {
    let shipped = repository().join("nats");
    fs::copy(shipped.join("accounts.conf"), dir.join("accounts.conf")).expect("copy accounts.conf");
    let mut config = fs::read_to_string(shipped.join("nats-server.conf")).expect("nats/nats-server.conf");
    for (theirs, ours) in [
        ("0.0.0.0:4222", format!("127.0.0.1:{port}")),
        ("127.0.0.1:8222", format!("127.0.0.1:{}", free_port())),
        ("/data", store.display().to_string()),
    ] {
        let theirs = format!("\"{theirs}\"");
        assert!(config.contains(&theirs), "nats-server.conf has no {theirs}");
        config = config.replace(&theirs, &format!("\"{ours}\""));
    }
    config
}

/// Connects as a user, and returns the permission errors that the server sends.
pub(crate) async fn connect(nats: &NatsServer, user: &str) -> (Client, UnboundedReceiver<String>) {
    let connected = heard(login(user), &nats.url()).await;
    connected.unwrap_or_else(|error| panic!("{user}: {error}"))
}

/// Connects, and returns the permission errors that the server sends.
pub(crate) async fn heard(
    options: ConnectOptions,
    url: &str,
) -> Result<(Client, UnboundedReceiver<String>), async_nats::ConnectError> {
    let (complaints, heard) = unbounded_channel();
    let options = options.event_callback(move |event| {
        if let Event::ServerError(error) = event {
            // At the end of a test the receiver may be gone.
            let _ = complaints.send(error.to_string());
        }
        std::future::ready(())
    });
    Ok((options.connect(url).await?, heard))
}

/// Creates every stream and durable of `nats/` as the provisioner, like `nats/provision.sh`.
pub(crate) async fn provision(nats: &NatsServer) {
    let (client, mut complaints) = connect(nats, "provisioner").await;
    for name in names("nats/streams") {
        let config = definition("streams", &name);
        api(&client, &format!("STREAM.CREATE.{name}"), &config).await;
    }
    for name in durables() {
        let request = json!({ "stream_name": "auth-events", "config": definition("consumers", &name) });
        api(&client, &format!("CONSUMER.CREATE.auth-events.{name}"), &request).await;
    }
    assert_eq!(complaints.try_recv().ok(), None);
}

/// Returns a JSON file of `nats/`.
pub(crate) fn definition(kind: &str, name: &str) -> Value {
    let file = repository().join(format!("nats/{kind}/{name}.json"));
    serde_json::from_slice(&fs::read(file).expect("read the definition")).expect("JSON")
}

/// Sends a request to the JetStream API, which must succeed. The server refuses unknown fields.
pub(crate) async fn api(client: &Client, what: &str, request: &Value) -> Value {
    let subject = format!("$JS.API.{what}");
    let body = if request.is_null() {
        String::new()
    } else {
        request.to_string()
    };
    let answer = client.request(subject, body.into()).await;
    let answer = answer.unwrap_or_else(|error| panic!("{what}: {error}"));
    let answer: Value = serde_json::from_slice(&answer.payload).expect("JSON");
    assert_eq!(answer.get("error"), None, "{what}");
    answer
}
