//! The end of the real binary: the first signal lets it finish what it has begun, the second does not.
//!
//! A request is in flight for certain when the service has asked for its body (`100 Continue`).

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

const SOON: Duration = Duration::from_secs(60);
/// Less than any deadline that would end the process in an orderly way.
const AT_ONCE: Duration = Duration::from_secs(12);
/// What the service logs at the first signal.
const STOPPING: &str = "stopping after in-flight requests";

/// The binary with servers of its own.
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
        // A restart takes a while on a busy machine: a token whose answer was lost is good for longer.
        let grace = ("WATCHWORD__TOKENS__REFRESH_GRACE", "60s");
        let mut options = BinaryOptions::serve(&[("NATS_URL", &nats.url()), grace]);
        options.data_dir = Some(data_dir);
        if let Some(url) = database.url() {
            options = options.with("DATABASE_URL", url);
        }
        Self {
            binary: Binary::start(options).await,
            database,
            nats,
        }
    }

    async fn registered(&self) -> Tokens {
        let answer = self.binary.http().register("ada@example.com", PASSWORD).await;
        answer.expect_status(201).tokens()
    }

    /// A refresh that is in flight, and the body that it waits for.
    async fn begun_refresh(&self, tokens: &Tokens) -> (RawConnection, String) {
        let (head, body) = post(
            "/auth/refresh",
            "Expect: 100-continue\r\n",
            &json!({"refreshToken": tokens.refresh}),
        );
        let mut connection = self.connect().await.expect("a connection");
        connection.send(head.as_bytes()).await.expect("send the head");
        let answer = connection.read_until("\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 100 "), "{answer}");
        (connection, body)
    }

    async fn connect(&self) -> std::io::Result<RawConnection> {
        RawConnection::to(self.binary.http().port()).await
    }

    /// Sends the first signal and waits until it is heard.
    async fn told_to_stop(&mut self) {
        self.binary.terminate();
        self.binary.process().logged(STOPPING, SOON).await;
    }

    /// Waits until nobody can connect any more.
    async fn closed(&self) {
        eventually(SOON, || async { self.connect().await.is_err() }).await;
    }

    /// Everything that was recorded is in the stream and settled; the process has ended, so nobody is publishing now.
    async fn assert_flushed(&self, events: &[&str]) {
        let ledger = self.database.ledger().await.expect("read the ledger");
        let names: Vec<&str> = ledger
            .iter()
            .map(|row| row.subject.trim_start_matches("auth.user."))
            .collect();
        assert_eq!(names, events);
        assert!(ledger.iter().all(|row| row.published), "{ledger:?}");
        let found = differences(&ledger, &self.nats.messages("auth-events").await);
        assert!(found.is_empty(), "{found:?}");
    }
}

async fn a_signal_lets_in_flight_requests_finish(backend: Backend) {
    let mut service = Service::start(backend).await;
    let tokens = service.registered().await;
    let (mut connection, body) = service.begun_refresh(&tokens).await;
    service.told_to_stop().await;
    service.closed().await;
    assert!(service.binary.process().is_running(), "a request is in flight");

    connection.send(body.as_bytes()).await.expect("send the body");
    let answer = connection.read_to_end().await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let status = service.binary.wait_exit(SOON).await;
    assert_eq!(status.code(), Some(0), "{status}");
    service.assert_flushed(&["registered", "token_refreshed"]).await;

    // The answer is as good after a restart.
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
        let (connection, _) = service.begun_refresh(&tokens).await;
        service.told_to_stop().await;
        service.closed().await;
        service.binary.process().signal(second);
        let status = service.binary.wait_exit(AT_ONCE).await;
        assert_eq!(status.code(), Some(130), "{status}");
        drop(connection);

        service.binary.start_again("UNUSED", None).await;
        service.binary.http().refresh(&tokens.refresh).await.expect_status(200);
        assert!(service.binary.stop().await.success());
        service.assert_flushed(&["registered", "token_refreshed"]).await;
        service.database.remove().await;
    }
}

/// A client that is gone leaves its action behind: it commits, and its event is published, before the process ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_finished_after_its_client_disconnects() {
    let mut service = Service::start(Backend::Postgres).await;
    let tokens = service.registered().await;
    let mut holder = PgConnection::connect(service.database.url().expect("a PostgreSQL database"))
        .await
        .expect("connect");
    let mut held = holder.begin().await.expect("begin");
    sqlx::query("SELECT 1 FROM users FOR UPDATE")
        .execute(&mut *held)
        .await
        .expect("hold the user's row");

    let (head, body) = post("/auth/refresh", "", &json!({"refreshToken": tokens.refresh}));
    let mut connection = service.connect().await.expect("a connection");
    connection.send((head + &body).as_bytes()).await.expect("send");
    let waiting = "SELECT count(*) FROM pg_stat_activity \
         WHERE datname = current_database() AND wait_event_type = 'Lock'";
    eventually(SOON, || async { service.database.count(waiting).await.ok() == Some(1) }).await;
    connection.reset();
    service.told_to_stop().await;
    service.closed().await;
    held.rollback().await.expect("let go");

    let status = service.binary.wait_exit(SOON).await;
    assert_eq!(status.code(), Some(0), "{status}");
    service.assert_flushed(&["registered", "token_refreshed"]).await;
    assert_eq!(
        service
            .database
            .count("SELECT generation FROM sessions")
            .await
            .expect("a query"),
        2
    );
    service.binary.start_again("UNUSED", None).await;
    // Its answer was lost: the same successor, not a reuse.
    let http = service.binary.http();
    let body = json!({"refreshToken": tokens.refresh});
    http.send(http.request(Method::POST, "/auth/refresh").json(&body))
        .await
        .expect_status(200);
    assert!(service.binary.stop().await.success());
    service.database.remove().await;
}
