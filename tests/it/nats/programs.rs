//! The service and its consumers run with the permissions of their users.

use async_nats::jetstream;
use futures_util::TryStreamExt as _;
use serde_json::json;
use tokio::sync::mpsc::unbounded_channel;
use tokio::time::timeout;
use watchword_events::subscriber::CancellationToken;
use watchword_events::{HandlerError, Subscriber};

use super::shipped;
use crate::relay::rig::{STREAM, TIMEOUT};
use crate::support::app::PASSWORD;
use crate::support::binary::{Binary, BinaryOptions, run};
use crate::support::nats::NatsServer;
use crate::support::nats_users::{api, connect, durables, login, password, provision};
use crate::support::wait::eventually;

/// The stream of dead letters.
const DEAD_LETTERS: &str = "auth-events-dlq";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_publishes_compares_and_repairs_as_the_publisher() {
    let nats = shipped().await;
    let mut service = service(&nats).await;
    register(&service, "ada@example.com").await;
    wait_for_events(&nats, 1).await;
    // After a crash the service compares the ledger with the stream, so it reads messages.
    service.kill();
    service.start_again("WATCHWORD_CRASH_AT", None).await;
    register(&service, "bob@example.com").await;
    wait_for_events(&nats, 2).await;
    let log = service.process().log();
    assert!(!log.contains("ermission"), "{log}");
    // Without the stream the service waits, since it may not create one. Once the stream exists, it
    // publishes all events again.
    nats.jetstream().await.delete_stream(STREAM).await.expect("delete");
    register(&service, "eve@example.com").await;
    service.process().logged("$JS.API.STREAM.CREATE.auth-events", TIMEOUT).await;
    let log = service.process().log();
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("lacks a permission")).collect();
    assert!(lines.len() == 1 && lines.iter().all(|line| line.contains("publisher")), "{lines:?}");
    provision(&nats).await;
    wait_for_events(&nats, 3).await;
    assert!(service.stop().await.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replays_work_as_the_publisher() {
    let nats = shipped().await;
    let mut service = service(&nats).await;
    register(&service, "ada@example.com").await;
    wait_for_events(&nats, 1).await;
    // The second replay reads what the first one stored.
    for name in ["monday", "tuesday"] {
        let mut options = BinaryOptions::command(
            &["events", "replay", "--name", name],
            &[
                ("NATS_URL", &nats.url()),
                ("WATCHWORD__NATS__USER", "publisher"),
                ("WATCHWORD__NATS__PASSWORD", &password("publisher")),
            ],
        );
        options.data_dir = Some(service.data_dir().to_path_buf());
        let ended = run(options, "").await;
        assert!(ended.status.success(), "{ended:?}");
    }
    let copies = nats.messages("auth-events-replays").await;
    let subjects: Vec<&str> = copies.iter().map(|copy| copy.subject.as_str()).collect();
    // The start of the first replay is an event, too.
    assert_eq!(
        subjects,
        [
            "auth.replay.monday.registered",
            "auth.replay.tuesday.registered",
            "auth.replay.tuesday.replay_started",
        ]
    );
    assert!(service.stop().await.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_durable_is_read_and_dead_lettered_by_its_own_user() {
    let nats = shipped().await;
    let service = service(&nats).await;
    register(&service, "ada@example.com").await;
    let login = json!({ "identifier": "ada@example.com", "password": PASSWORD });
    service.http().post("/auth/login", &login).await.expect_status(200);
    wait_for_events(&nats, 2).await;
    for durable in durables() {
        dead_letter_one(&nats, &durable).await;
    }
    let dead_letters = nats.messages(DEAD_LETTERS).await;
    let mut durables_with_dead_letters: Vec<&str> = dead_letters
        .iter()
        .filter_map(|message| message.subject.strip_prefix("auth.dlq."))
        .collect();
    durables_with_dead_letters.sort_unstable();
    assert_eq!(durables_with_dead_letters, durables());
    let reports = dead_letters
        .iter()
        .filter(|message| message.subject.starts_with("$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.auth-events."));
    assert_eq!(reports.count(), durables().len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tail_reads_every_event_as_its_user() {
    let nats = shipped().await;
    let service = service(&nats).await;
    register(&service, "ada@example.com").await;
    let (sender, mut seen) = unbounded_channel();
    let (client, mut errors) = connect(&nats, "tail").await;
    let tail = Subscriber::ephemeral().from_start().with_client(client);
    let task = tokio::spawn(tail.run(move |received, _| {
        let _ = sender.send(received.subject);
        std::future::ready(())
    }));
    let first = timeout(TIMEOUT, seen.recv()).await.expect("an event");
    assert_eq!(first.as_deref(), Some("auth.user.registered"));
    assert_eq!(errors.try_recv().ok(), None);
    task.abort();
}

#[tokio::test]
async fn tail_cannot_change_a_durable_that_its_request_names() {
    let nats = shipped().await;
    let (client, _complaints) = connect(&nats, "tail").await;
    let durable = || async {
        let stream = nats.jetstream().await.get_stream(STREAM).await.expect("the stream");
        stream.consumer_info("welcome-mailer").await.expect("the durable").config
    };
    let before = durable().await;
    let changed = json!({ "name": "welcome-mailer", "ack_policy": "explicit", "filter_subject": "auth.user.none" });
    let request = json!({ "stream_name": STREAM, "config": changed }).to_string();
    let answer = client.request("$JS.API.CONSUMER.CREATE.auth-events.own", request.into()).await;
    let answer = String::from_utf8_lossy(&answer.expect("an answer").payload).into_owned();
    assert!(answer.contains(r#""name":"own""#), "the server uses the name in the subject: {answer}");
    assert_eq!(durable().await, before);
}

#[tokio::test]
async fn the_viewer_reads_and_the_operator_changes() {
    let nats = shipped().await;
    let service = service(&nats).await;
    register(&service, "ada@example.com").await;
    wait_for_events(&nats, 1).await;
    let (client, mut errors) = connect(&nats, "viewer").await;
    let stream = jetstream::new(client).get_stream(STREAM).await.expect("the stream");
    let consumers: Vec<String> = stream.consumer_names().try_collect().await.expect("the names");
    assert_eq!(consumers.len(), durables().len());
    stream.consumer_info("welcome-mailer").await.expect("the durable");
    stream.get_raw_message(1).await.expect("a message");
    stream.direct_get_last_for_subject("auth.user.registered").await.expect("a message");
    assert_eq!(errors.try_recv().ok(), None);

    let (client, mut errors) = connect(&nats, "operator").await;
    api(&client, "CONSUMER.DELETE.auth-events.tasks-service", &json!(null)).await;
    api(&client, "STREAM.PURGE.auth-events", &json!({})).await;
    api(&client, "STREAM.DELETE.auth-events-dlq", &json!(null)).await;
    assert_eq!(nats.messages(STREAM).await.len(), 0);
    // Provisioning creates what is missing.
    provision(&nats).await;
    assert_eq!(errors.try_recv().ok(), None);
}

/// Starts the service as the user `publisher`.
async fn service(nats: &NatsServer) -> Binary {
    let options = BinaryOptions::serve(&[
        ("NATS_URL", &nats.url()),
        ("WATCHWORD__NATS__USER", "publisher"),
        ("WATCHWORD__NATS__PASSWORD", &password("publisher")),
    ]);
    Binary::start(options).await
}

async fn register(service: &Binary, email: &str) {
    service.http().register(email, PASSWORD).await.expect_status(201);
}

/// Waits until the stream has `count` events.
async fn wait_for_events(nats: &NatsServer, count: usize) {
    eventually(TIMEOUT, || async {
        let found = nats.messages(STREAM).await.len();
        if found == count { Ok(()) } else { Err(found) }
    })
    .await;
}

/// The subscriber kit reads one event of the durable and makes it a dead letter, as the durable's
/// user.
async fn dead_letter_one(nats: &NatsServer, durable: &str) {
    let stop = CancellationToken::new();
    let done = stop.clone();
    let connected = Subscriber::durable(durable)
        .stop_on(stop)
        .connect_with(&nats.url(), login(durable))
        .await
        .unwrap_or_else(|error| panic!("{durable}: {error}"));
    let run = connected.run(move |_, _| {
        done.cancel();
        async { Err(HandlerError::poison("the test gives it up")) }
    });
    let ended = timeout(TIMEOUT, run).await;
    ended.unwrap_or_else(|_| panic!("{durable} gets no event")).expect("run");
}
