//! Where a secret could have gone.

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

const SOON: Duration = Duration::from_secs(60);

/// What a place is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// What operators read and what is kept on the way: nothing about a person.
    Log,
    /// Events and rows: what is promised about a person.
    Data,
    /// What the sender of a request gets back.
    Answer,
}

/// Bytes to search.
pub(super) struct Place {
    pub(super) kind: Kind,
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
}

impl Place {
    pub(super) fn new(kind: Kind, name: &str, bytes: impl Into<Vec<u8>>) -> Self {
        let (name, bytes) = (name.to_owned(), bytes.into());
        Self { kind, name, bytes }
    }
}

/// Waits until every event is in the stream.
pub(super) async fn published(database: &Database) {
    eventually(SOON, || async {
        match database.unpublished().await {
            Ok(0) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
}

/// Every table as JSON, bytes in hexadecimal.
pub(super) async fn tables(url: &str) -> Vec<Place> {
    const TABLES: &str = "SELECT table_name::text FROM information_schema.tables \
                          WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'";
    let mut connection = PgConnection::connect(url).await.expect("the database");
    let names: Vec<String> = sqlx::query_scalar(TABLES)
        .fetch_all(&mut connection)
        .await
        .expect("the tables");
    let mut places = Vec::new();
    for name in names {
        let rows = format!("SELECT row_to_json(t)::text FROM \"{name}\" t");
        let rows = sqlx::query_scalar(AssertSqlSafe(rows)).fetch_all(&mut connection).await;
        let rows: Vec<String> = rows.expect("the rows");
        places.push(Place::new(Kind::Data, &format!("table {name}"), rows.join("\n")));
    }
    places
}

/// Every message with its headers.
pub(super) async fn stream(nats: &NatsServer) -> Vec<Place> {
    let messages = nats.messages("auth-events").await;
    let places = messages.into_iter().map(|message| {
        let name = format!("message {} ({})", message.seq, message.subject);
        let headers = format!("{:?}\n", message.headers).into_bytes();
        Place::new(Kind::Data, &name, [headers, message.bytes].concat())
    });
    places.collect()
}

/// Every key that is left, with its value.
pub(super) async fn redis(url: &str) -> Place {
    let client = redis::Client::open(url).expect("an address");
    let mut connection = client.get_multiplexed_async_connection().await.expect("Redis");
    let keys: Vec<Vec<u8>> = redis::cmd("KEYS")
        .arg("*")
        .query_async(&mut connection)
        .await
        .expect("the keys");
    let mut bytes = Vec::new();
    for key in keys {
        let kind: String = redis::cmd("TYPE")
            .arg(&key)
            .query_async(&mut connection)
            .await
            .expect("a type");
        let mut read = match kind.as_str() {
            "string" => redis::cmd("GET"),
            "hash" => redis::cmd("HGETALL"),
            // A count that has expired since: its name is searched all the same.
            "none" => {
                bytes.extend(key);
                continue;
            }
            other => panic!("a {other} is not read"),
        };
        let value: redis::Value = read.arg(&key).query_async(&mut connection).await.expect("a value");
        bytes.extend(key);
        bytes.extend(format!(" {value:?}\n").into_bytes());
        if let redis::Value::BulkString(value) = value {
            bytes.extend(value);
        }
    }
    Place::new(Kind::Log, "Redis", bytes)
}

/// Writes down every command that Redis gets.
pub(super) struct Monitor {
    url: String,
    last: String,
    heard: JoinHandle<Vec<u8>>,
}

/// Begins to listen.
pub(super) async fn monitor(url: &str) -> Monitor {
    let (before, address) = url.rsplit_once('@').expect("a password");
    let password = before.rsplit_once(':').expect("a password").1;
    let mut socket = TcpStream::connect(address).await.expect("Redis");
    let begin = format!("AUTH {password}\r\nMONITOR\r\n");
    socket.write_all(begin.as_bytes()).await.expect("a question");
    let mut both = [0; 10];
    socket.read_exact(&mut both).await.expect("an answer");
    assert_eq!(&both, b"+OK\r\n+OK\r\n");
    let last = format!("the end of port {}", socket.local_addr().expect("an address").port());
    let ends_with = last.clone();
    let read = async move {
        let mut heard = Vec::new();
        while !String::from_utf8_lossy(&heard).contains(&ends_with) {
            if socket.read_buf(&mut heard).await.expect("what Redis was told") == 0 {
                break;
            }
        }
        heard
    };
    let url = url.to_owned();
    Monitor {
        url,
        last,
        heard: tokio::spawn(read),
    }
}

impl Monitor {
    /// What was heard until now.
    pub(super) async fn stop(self) -> Vec<u8> {
        let client = redis::Client::open(self.url).expect("an address");
        let mut connection = client.get_multiplexed_async_connection().await.expect("Redis");
        let echo = redis::cmd("ECHO").arg(&self.last).query_async(&mut connection).await;
        let echoed: String = echo.expect("an echo");
        assert_eq!(echoed, self.last);
        self.heard.await.expect("the listener")
    }
}

/// Every file below a directory.
pub(super) fn directory(name: &str, path: &Path) -> Place {
    let mut bytes = Vec::new();
    let mut open = vec![path.to_owned()];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(
                fs::read_dir(path)
                    .expect("a directory")
                    .map(|entry| entry.expect("an entry").path()),
            );
        } else {
            bytes.extend(fs::read(path).unwrap_or_default());
        }
    }
    Place::new(Kind::Data, name, bytes)
}

/// The search would find nothing in places that are empty: what must be in them is there.
pub(super) fn assert_alive(places: &[Place], secrets: &Secrets) {
    for (name, count) in secrets.at_home(places) {
        assert!(count > 0, "{name} is in no event and no table");
    }
    for place in places {
        let may_be_empty = ["table ", "answers", "the data directory"]
            .iter()
            .any(|name| place.name.starts_with(name));
        assert!(may_be_empty || !place.bytes.is_empty(), "{} is empty", place.name);
    }
    for subject in [
        "registered",
        "logged_in",
        "login_failed",
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
        let message = places
            .iter()
            .any(|place| place.name.ends_with(&format!("auth.user.{subject})")));
        assert!(message, "no message about {subject}");
    }
    for table in [
        "users",
        "sessions",
        "events",
        "signing_keys",
        "one_time_codes",
        "outgoing_mail",
    ] {
        let rows = places.iter().find(|place| place.name == format!("table {table}"));
        assert!(rows.is_some_and(|rows| !rows.bytes.is_empty()), "no rows of {table}");
    }
}
