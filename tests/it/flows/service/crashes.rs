//! Crashes of the real binary: acknowledged changes are durable, and each event is published once.

use std::time::Duration;

use serde_json::json;

use crate::support::app::PASSWORD;
use crate::support::binary::{Binary, BinaryOptions};
use crate::support::database::{Backend, Database};
use crate::support::flow_tests;
use crate::support::http::Answer;
use crate::support::invariants::differences;
use crate::support::nats::NatsServer;
use crate::support::redis::RedisServer;
use crate::support::run_dir::scratch;
use crate::support::wait::eventually;

const TIMEOUT: Duration = Duration::from_secs(60);
/// The variable that makes the binary crash at a named point.
const CRASH_AT: &str = "WATCHWORD_CRASH_AT";

flow_tests! {
    a_crash_before_the_commit_records_nothing,
    a_crash_after_the_commit_publishes_the_event,
    a_registration_whose_answer_was_lost_is_replayed,
    a_crash_before_publishing_loses_no_event,
    a_crash_between_publish_and_position_duplicates_no_event,
    random_crashes_under_load_lose_no_event,
    termination_under_load_loses_no_event,
}

/// The binary, with its own servers.
struct Service {
    binary: Binary,
    nats: NatsServer,
    database: Database,
    _redis: Option<RedisServer>,
}

impl Service {
    async fn start(backend: Backend) -> Self {
        let data_dir = scratch("app");
        let database = Database::fresh(backend, &data_dir).await;
        let nats = NatsServer::start().await;
        let mut options = BinaryOptions::serve(&[("NATS_URL", &nats.url())]);
        options.data_dir = Some(data_dir);
        let mut redis = None;
        if let Some(url) = database.url() {
            let server = RedisServer::start().await;
            options = options.with("DATABASE_URL", url).with("REDIS_URL", &server.url());
            redis = Some(server);
        }
        let binary = Binary::start(options).await;
        Self { binary, nats, database, _redis: redis }
    }

    /// Restart the binary with a crash point.
    async fn arm(&mut self, point: &str) {
        self.binary.stop().await;
        self.binary.start_again(CRASH_AT, Some(point)).await;
    }

    /// Wait for the crash, restart without the crash point, and wait until ledger and stream agree.
    async fn recover(&mut self) {
        let status = self.binary.wait_exit(TIMEOUT).await;
        assert!(!status.success(), "the service exited without a crash");
        self.binary.start_again(CRASH_AT, None).await;
        self.assert_consistent().await;
    }

    async fn assert_consistent(&self) {
        eventually(TIMEOUT, || async {
            let ledger = self.database.ledger().await.map_err(|error| error.to_string())?;
            let mut found = differences(&ledger, &self.nats.messages("auth-events").await);
            found.extend(
                ledger
                    .iter()
                    .filter(|row| !row.published)
                    .map(|row| format!("row {} is not behind the position", row.seq)),
            );
            if found.is_empty() {
                Ok(())
            } else {
                Err(found.join("\n"))
            }
        })
        .await;
    }

    async fn events(&self) -> Vec<String> {
        let ledger = self.database.ledger().await.expect("read the ledger");
        ledger
            .into_iter()
            .map(|row| row.subject.trim_start_matches("auth.user.").to_owned())
            .collect()
    }

    /// Register. `None` if the connection broke.
    async fn try_register(&self, email: &str) -> Option<Answer> {
        let http = self.binary.http();
        let body = json!({"email": email, "password": PASSWORD});
        http.try_send(http.request(reqwest::Method::POST, "/auth/register").json(&body))
            .await
            .ok()
    }

    /// Register with an idempotency key. `None` if the connection broke.
    async fn try_register_once(&self, email: &str) -> Option<Answer> {
        let http = self.binary.http();
        let body = json!({"email": email, "password": PASSWORD});
        let request = http.request(reqwest::Method::POST, "/auth/register").json(&body);
        http.try_send(request.header("idempotency-key", "once")).await.ok()
    }

    async fn finish(mut self) {
        let status = self.binary.stop().await;
        assert!(status.success(), "the service did not exit cleanly: {status}");
        self.database.remove().await;
    }
}

async fn a_crash_before_the_commit_records_nothing(backend: Backend) {
    let mut service = Service::start(backend).await;
    service.arm("before_commit").await;
    assert!(service.try_register("ada@example.com").await.is_none(), "the crashed process responded");
    service.recover().await;
    assert_eq!(service.events().await, Vec::<String>::new(), "nothing was committed");
    assert_eq!(service.try_register("ada@example.com").await.expect("an answer").status, 201);
    service.assert_consistent().await;
    service.finish().await;
}

async fn a_crash_after_the_commit_publishes_the_event(backend: Backend) {
    let mut service = Service::start(backend).await;
    service.arm("after_commit").await;
    assert!(service.try_register("ada@example.com").await.is_none(), "the crashed process responded");
    service.recover().await;
    assert_eq!(service.events().await, ["registered"]);
    let replay = service.try_register("ada@example.com").await.expect("an answer");
    replay.expect_problem(409, "email_taken");
    service.finish().await;
}

async fn a_registration_whose_answer_was_lost_is_replayed(backend: Backend) {
    let mut service = Service::start(backend).await;
    for (point, events) in [("before_commit", 0), ("after_commit", 1)] {
        service.arm(point).await;
        assert!(service.try_register_once("ada@example.com").await.is_none());
        service.recover().await;
        assert_eq!(service.events().await.len(), events, "{point}");
    }
    let replay = service.try_register_once("ada@example.com").await.expect("an answer");
    let tokens = replay.expect_status(201).tokens();
    service.binary.http().refresh(&tokens.refresh).await.expect_status(200);
    assert_eq!(service.events().await, ["registered", "token_refreshed"]);
    service.assert_consistent().await;
    service.finish().await;
}

async fn a_crash_before_publishing_loses_no_event(backend: Backend) {
    let mut service = Service::start(backend).await;
    service.arm("before_publish").await;
    drop(service.try_register("ada@example.com").await);
    service.recover().await;
    assert_eq!(service.events().await, ["registered"]);
    service.finish().await;
}

async fn a_crash_between_publish_and_position_duplicates_no_event(backend: Backend) {
    let mut service = Service::start(backend).await;
    service.arm("after_publish_before_position").await;
    drop(service.try_register("ada@example.com").await);
    service.binary.wait_exit(TIMEOUT).await;
    assert_eq!(service.nats.messages("auth-events").await.len(), 1, "the event is in the stream");
    assert_eq!(service.database.unpublished().await.expect("a query"), 1, "the position is not written");
    service.binary.start_again(CRASH_AT, None).await;
    service.assert_consistent().await;
    service.finish().await;
}

/// Refresh until the connection breaks. Return the last token received.
async fn refresh_until_broken(service: &Service, mut token: String) -> String {
    let http = service.binary.http();
    loop {
        let body = json!({"refreshToken": token});
        let request = http.request(reqwest::Method::POST, "/auth/refresh").json(&body);
        match http.try_send(request).await {
            Ok(answer) if answer.status == 200 => answer.tokens().refresh.clone_into(&mut token),
            Ok(answer) => {
                answer.expect_status(503);
            }
            Err(_) => return token,
        }
    }
}

async fn random_crashes_under_load_lose_no_event(backend: Backend) {
    let mut service = Service::start(backend).await;
    let mut token = service.try_register("ada@example.com").await.expect("an answer").tokens().refresh;
    for round in 0..5_u32 {
        let pid = service.binary.pid().expect("running");
        let seen = service.database.ledger().await.expect("read the ledger").len();
        let database = &service.database;
        let kill = async {
            // Kill it after some events, and later in each round.
            let enough = seen + 5 + usize::try_from(round).expect("small") * 3;
            eventually(TIMEOUT, || async { database.ledger().await.is_ok_and(|rows| rows.len() >= enough) }).await;
            let pid = rustix::process::Pid::from_raw(i32::try_from(pid).expect("a process id")).expect("a process id");
            rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("kill the service");
        };
        let ((), last) = tokio::join!(kill, refresh_until_broken(&service, token));
        service.recover().await;
        // The last response may be lost. Within the grace period, a retry returns the same
        // successor.
        token = service.binary.http().refresh(&last).await.expect_status(200).tokens().refresh;
    }
    service.assert_consistent().await;
    service.finish().await;
}

/// SIGTERM: in-flight requests finish, and the relay publishes all events before the exit.
async fn termination_under_load_loses_no_event(backend: Backend) {
    let mut service = Service::start(backend).await;
    let token = service.try_register("ada@example.com").await.expect("an answer").tokens().refresh;
    let before = service.database.ledger().await.expect("read the ledger").len();
    let terminate = async {
        let enough = || async { service.database.ledger().await.is_ok_and(|rows| rows.len() >= before + 10) };
        eventually(TIMEOUT, enough).await;
        service.binary.terminate();
    };
    let ((), last) = tokio::join!(terminate, refresh_until_broken(&service, token));
    let status = service.binary.wait_exit(TIMEOUT).await;
    assert!(status.success(), "{status}");
    assert_eq!(
        service.database.unpublished().await.expect("a query"),
        0,
        "the relay did not publish all events"
    );
    service.binary.start_again(CRASH_AT, None).await;
    service.binary.http().refresh(&last).await.expect_status(200);
    service.assert_consistent().await;
    service.finish().await;
}
