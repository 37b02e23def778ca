//! Shutdown of the real binary: after the first signal it finishes in-flight requests. After the
//! second signal it exits at once.
//!
//! A request is in flight once the service has sent `100 Continue`.

use std::time::Duration;

use reqwest::Method;
use rustix::process::Signal;
use serde_json::json;
use sqlx::{Connection as _, PgConnection};

use crate::support::app::PASSWORD;
use crate::support::binary::{Binary, BinaryOptions};
use crate::support::database::{Backend, Database};
use crate::support::flow_tests;
use crate::support::http::Tokens;
use crate::support::invariants::differences;
use crate::support::nats::NatsServer;
use crate::support::raw::{RawConnection, post};
use crate::support::run_dir::scratch;
use crate::support::wait::eventually;

flow_tests! {
    a_signal_lets_in_flight_requests_finish,
    a_second_signal_ends_the_service_at_once,
}

const TIMEOUT: Duration = Duration::from_secs(60);
/// Shorter than any timeout after which the process would exit by itself.
const EXIT_TIMEOUT: Duration = Duration::from_secs(12);
/// The log message after the first signal.
const STOPPING: &str = "stopping after in-flight requests";

/// The binary, with its own servers.
struct Service {
    binary: Binary,
    database: Database,
    nats: NatsServer,
}

impl Service {
    async fn start(backend: Backend) -> Self {
        let data_dir = scratch("app");
        let database = Database::fresh(backend, &data_dir).await;
        let nats = NatsServer::start().await;
        // A long grace period, since a restart takes a while on a busy machine.
        let grace = ("WATCHWORD__TOKENS__REFRESH_GRACE", "60s");
        let mut options = BinaryOptions::serve(&[("NATS_URL", &nats.url()), grace]);
        options.data_dir = Some(data_dir);
        if let Some(url) = database.url() {
            options = options.with("DATABASE_URL", url);
        }
        Self { binary: Binary::start(options).await, database, nats }
    }

    async fn registered(&self) -> Tokens {
        let answer = self.binary.http().register("ada@example.com", PASSWORD).await;
        answer.expect_status(201).tokens()
    }

    /// Start a refresh. Return the connection, and the body that the service waits for.
    async fn start_refresh(&self, tokens: &Tokens) -> (RawConnection, String) {
        let (head, body) = post("/auth/refresh", "Expect: 100-continue\r\n", &json!({"refreshToken": tokens.refresh}));
        let mut connection = self.connect().await.expect("a connection");
        connection.send(head.as_bytes()).await.expect("send the head");
        let answer = connection.read_until("\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 100 "), "{answer}");
        (connection, body)
    }

    async fn connect(&self) -> std::io::Result<RawConnection> {
        RawConnection::to(self.binary.http().port()).await
    }

    /// Send the first signal, and wait until the service has logged it.
    async fn begin_shutdown(&mut self) {
        self.binary.terminate();
        self.binary.process().logged(STOPPING, TIMEOUT).await;
    }

    /// Wait until the service accepts no connections.
    async fn until_closed(&self) {
        eventually(TIMEOUT, || async { self.connect().await.is_err() }).await;
    }

    /// Assert that all events are in the stream and settled. The process must have exited.
    async fn assert_flushed(&self, events: &[&str]) {
        let ledger = self.database.ledger().await.expect("read the ledger");
        let names: Vec<&str> = ledger.iter().map(|row| row.subject.trim_start_matches("auth.user.")).collect();
        assert_eq!(names, events);
        assert!(ledger.iter().all(|row| row.published), "{ledger:?}");
        let found = differences(&ledger, &self.nats.messages("auth-events").await);
        assert!(found.is_empty(), "{found:?}");
    }
}

/// Make each read of the ledger take a second after it has taken its snapshot.
async fn read_slowly(connection: &mut PgConnection) {
    for statement in [
        "ALTER TABLE events RENAME TO stored_events",
        "CREATE VIEW events AS SELECT * FROM stored_events WHERE (SELECT pg_sleep(1)) IS NOT NULL",
    ] {
        sqlx::query(statement).execute(&mut *connection).await.expect(statement);
    }
}

async fn a_signal_lets_in_flight_requests_finish(backend: Backend) {
    let mut service = Service::start(backend).await;
    let tokens = service.registered().await;
    let (mut connection, body) = service.start_refresh(&tokens).await;
    service.begin_shutdown().await;
    service.until_closed().await;
    assert!(service.binary.process().is_running(), "a request is in flight");

    connection.send(body.as_bytes()).await.expect("send the body");
    let answer = connection.read_to_end().await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let status = service.binary.wait_exit(TIMEOUT).await;
    assert_eq!(status.code(), Some(0), "{status}");
    service.assert_flushed(&["registered", "token_refreshed"]).await;

    // The new token works after a restart.
    service.binary.start_again("UNUSED", None).await;
    let (_, json) = answer.split_once("\r\n\r\n").expect("a body");
    let json: serde_json::Value = serde_json::from_str(json).expect("JSON");
    let next = json["refreshToken"].as_str().expect("a token");
    service.binary.http().refresh(next).await.expect_status(200);
    assert!(service.binary.stop().await.success());
    service.database.remove().await;
}

async fn a_second_signal_ends_the_service_at_once(backend: Backend) {
    for second in [Signal::TERM, Signal::INT] {
        let mut service = Service::start(backend).await;
        let tokens = service.registered().await;
        let (connection, _) = service.start_refresh(&tokens).await;
        service.begin_shutdown().await;
        service.until_closed().await;
        service.binary.process().signal(second);
        let status = service.binary.wait_exit(EXIT_TIMEOUT).await;
        assert_eq!(status.code(), Some(130), "{status}");
        drop(connection);

        service.binary.start_again("UNUSED", None).await;
        service.binary.http().refresh(&tokens.refresh).await.expect_status(200);
        assert!(service.binary.stop().await.success());
        service.assert_flushed(&["registered", "token_refreshed"]).await;
        service.database.remove().await;
    }
}

/// The action commits, and its event is published, before the process exits: also when the relay has
/// begun to read the ledger before the commit, and ends after it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_finished_after_its_client_disconnects() {
    let mut service = Service::start(Backend::Postgres).await;
    let mut holder = PgConnection::connect(service.database.url().expect("a PostgreSQL database"))
        .await
        .expect("connect");
    assert!(service.binary.stop().await.success());
    read_slowly(&mut holder).await;
    service.binary.start_again("UNUSED", None).await;
    let tokens = service.registered().await;
    eventually(TIMEOUT, || async { service.nats.messages("auth-events").await.len() == 1 }).await;
    let mut lock_tx = holder.begin().await.expect("begin");
    sqlx::query("SELECT 1 FROM users FOR UPDATE")
        .execute(&mut *lock_tx)
        .await
        .expect("hold the user's row");

    let (head, body) = post("/auth/refresh", "", &json!({"refreshToken": tokens.refresh}));
    let mut connection = service.connect().await.expect("a connection");
    connection.send((head + &body).as_bytes()).await.expect("send");
    let waiting = "SELECT count(*) FROM pg_stat_activity \
         WHERE datname = current_database() AND wait_event_type = 'Lock'";
    eventually(TIMEOUT, || async { service.database.count(waiting).await.ok() == Some(1) }).await;
    connection.reset();
    service.begin_shutdown().await;
    service.until_closed().await;
    let reading = "SELECT count(*) FROM pg_stat_activity JOIN pg_locks USING (pid) \
         WHERE datname = current_database() AND wait_event = 'PgSleep' AND locktype = 'advisory'";
    eventually(TIMEOUT, || async { service.database.count(reading).await.ok() == Some(1) }).await;
    lock_tx.rollback().await.expect("release the row");

    let status = service.binary.wait_exit(TIMEOUT).await;
    assert_eq!(status.code(), Some(0), "{status}");
    service.assert_flushed(&["registered", "token_refreshed"]).await;
    assert_eq!(service.database.count("SELECT generation FROM sessions").await.expect("a query"), 2);
    service.binary.start_again("UNUSED", None).await;
    // The response was lost. The retry returns the same successor, and is not reuse.
    let http = service.binary.http();
    let body = json!({"refreshToken": tokens.refresh});
    http.send(http.request(Method::POST, "/auth/refresh").json(&body))
        .await
        .expect_status(200);
    assert!(service.binary.stop().await.success());
    service.database.remove().await;
}
