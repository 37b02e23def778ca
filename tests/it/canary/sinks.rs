//! Sinks: everything that could contain a leaked secret.

use std::fs;
use std::path::Path;
use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::secrets::Secrets;
use crate::support::database::Database;
use crate::support::nats::NatsServer;
use crate::support::wait::eventually;

const TIMEOUT: Duration = Duration::from_secs(60);

/// The purpose of a sink, which decides what it may contain.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Logs and Redis: no secrets and no personal data.
    Log,
    /// Events and rows: personal data, but no secrets.
    Data,
    /// Responses: names of fields that the client sent.
    Response,
}

pub(super) struct Sink {
    pub(super) kind: Kind,
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
}

impl Sink {
    pub(super) fn new(kind: Kind, name: &str, bytes: impl Into<Vec<u8>>) -> Self {
        let (name, bytes) = (name.to_owned(), bytes.into());
        Self { kind, name, bytes }
    }
}

/// Waits until every event is in the stream.
pub(super) async fn until_published(database: &Database) {
    eventually(TIMEOUT, || async {
        match database.unpublished().await {
            Ok(0) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
}

/// Every table as JSON, bytes in hexadecimal.
pub(super) async fn tables(url: &str) -> Vec<Sink> {
    const TABLES: &str = "SELECT table_name::text FROM information_schema.tables \
                          WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'";
    let mut connection = PgConnection::connect(url).await.expect("the database");
    let names: Vec<String> = sqlx::query_scalar(TABLES).fetch_all(&mut connection).await.expect("the tables");
    let mut sinks = Vec::new();
    for name in names {
        let rows = format!("SELECT row_to_json(t)::text FROM \"{name}\" t");
        let rows = sqlx::query_scalar(AssertSqlSafe(rows)).fetch_all(&mut connection).await;
        let rows: Vec<String> = rows.expect("the rows");
        sinks.push(Sink::new(Kind::Data, &format!("table {name}"), rows.join("\n")));
    }
    sinks
}

/// Every message with its headers.
pub(super) async fn stream(nats: &NatsServer) -> Vec<Sink> {
    let messages = nats.messages("auth-events").await;
    let sinks = messages.into_iter().map(|message| {
        let name = format!("message {} ({})", message.seq, message.subject);
        let headers = format!("{:?}\n", message.headers).into_bytes();
        Sink::new(Kind::Data, &name, [headers, message.bytes].concat())
    });
    sinks.collect()
}

/// Every key in Redis, with its value.
pub(super) async fn redis(url: &str) -> Sink {
    let client = redis::Client::open(url).expect("an address");
    let mut connection = client.get_multiplexed_async_connection().await.expect("Redis");
    let keys: Vec<Vec<u8>> = redis::cmd("KEYS").arg("*").query_async(&mut connection).await.expect("the keys");
    let mut bytes = Vec::new();
    for key in keys {
        let kind: String = redis::cmd("TYPE").arg(&key).query_async(&mut connection).await.expect("a type");
        let mut read = match kind.as_str() {
            "string" => redis::cmd("GET"),
            "hash" => redis::cmd("HGETALL"),
            // The key has expired since. Its name is searched nevertheless.
            "none" => {
                bytes.extend(key);
                continue;
            }
            other => panic!("unsupported Redis type: {other}"),
        };
        let value: redis::Value = read.arg(&key).query_async(&mut connection).await.expect("a value");
        bytes.extend(key);
        bytes.extend(format!(" {value:?}\n").into_bytes());
        if let redis::Value::BulkString(value) = value {
            bytes.extend(value);
        }
    }
    Sink::new(Kind::Log, "Redis", bytes)
}

/// A recording of the commands that Redis receives.
pub(super) struct Monitor {
    url: String,
    last: String,
    commands: JoinHandle<Vec<u8>>,
}

/// Start recording.
pub(super) async fn monitor(url: &str) -> Monitor {
    let (before, address) = url.rsplit_once('@').expect("a password");
    let password = before.rsplit_once(':').expect("a password").1;
    let mut socket = TcpStream::connect(address).await.expect("Redis");
    let start = format!("AUTH {password}\r\nMONITOR\r\n");
    socket.write_all(start.as_bytes()).await.expect("send the commands");
    let mut replies = [0; 10];
    socket.read_exact(&mut replies).await.expect("an answer");
    assert_eq!(&replies, b"+OK\r\n+OK\r\n");
    let last = format!("the end of port {}", socket.local_addr().expect("an address").port());
    let ends_with = last.clone();
    let read = async move {
        let mut commands = Vec::new();
        while !String::from_utf8_lossy(&commands).contains(&ends_with) {
            if socket.read_buf(&mut commands).await.expect("read a command") == 0 {
                break;
            }
        }
        commands
    };
    let url = url.to_owned();
    Monitor { url, last, commands: tokio::spawn(read) }
}

impl Monitor {
    /// Stop. Return the recorded commands.
    pub(super) async fn stop(self) -> Vec<u8> {
        let client = redis::Client::open(self.url).expect("an address");
        let mut connection = client.get_multiplexed_async_connection().await.expect("Redis");
        let echo = redis::cmd("ECHO").arg(&self.last).query_async(&mut connection).await;
        let echoed: String = echo.expect("an echo");
        assert_eq!(echoed, self.last);
        self.commands.await.expect("the recording task")
    }
}

/// Every file below a directory.
pub(super) fn directory(name: &str, path: &Path) -> Sink {
    let mut bytes = Vec::new();
    let mut pending = vec![path.to_owned()];
    while let Some(path) = pending.pop() {
        if path.is_dir() {
            pending.extend(fs::read_dir(path).expect("a directory").map(|entry| entry.expect("an entry").path()));
        } else {
            bytes.extend(fs::read(path).unwrap_or_default());
        }
    }
    Sink::new(Kind::Data, name, bytes)
}

/// Asserts that the sinks contain the expected data. A search of empty sinks proves nothing.
pub(super) fn assert_not_empty(sinks: &[Sink], secrets: &Secrets) {
    for (name, count) in secrets.personal_counts(sinks) {
        assert!(count > 0, "no event and no table contains {name}");
    }
    for sink in sinks {
        let may_be_empty = ["table ", "responses", "the data directory"]
            .iter()
            .any(|name| sink.name.starts_with(name));
        assert!(may_be_empty || !sink.bytes.is_empty(), "{} is empty", sink.name);
    }
    for subject in [
        "registered",
        "logged_in",
        "login_failed",
        "reauthentication_failed",
        "token_reuse_detected",
        "logged_out",
        "updated",
        "disabled",
        "enabled",
        "unlocked",
        "deleted",
        "email_verification_requested",
        "email_verified",
        "password_changed",
        "password_reset_requested",
        "password_reset_completed",
    ] {
        let message = sinks.iter().any(|sink| sink.name.ends_with(&format!("auth.user.{subject})")));
        assert!(message, "no message with the subject {subject}");
    }
    for table in [
        "users",
        "sessions",
        "events",
        "signing_keys",
        "one_time_codes",
        "outgoing_mail",
    ] {
        let rows = sinks.iter().find(|sink| sink.name == format!("table {table}"));
        assert!(rows.is_some_and(|rows| !rows.bytes.is_empty()), "no rows of {table}");
    }
}
