//! Subscribers whose position is ahead of a stream that lost its end.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_nats::jetstream::consumer::{DeliverPolicy, pull};
use tokio::sync::mpsc::unbounded_channel;
use watchword_events::subscriber::{Coverage, Metrics};
use watchword_events::{EventKind, Subscriber};

use super::logs::Logs;
use super::support::{NatsServer, create_stream, event, eventually, publish};
use super::{DURABLE, Running, consumer_info, durable, settled, soon};

#[derive(Clone, Default)]
struct Reports(Arc<Mutex<Vec<bool>>>);

impl Metrics for Reports {
    fn ahead_of_stream(&self, reset: bool) {
        self.0.lock().unwrap().push(reset);
    }
}

/// A durable whose next message is one that the stream does not have yet.
fn ahead() -> pull::Config {
    pull::Config {
        durable_name: Some(DURABLE.to_owned()),
        description: Some("made by an administrator".to_owned()),
        deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: 5000 },
        ..Default::default()
    }
}

#[tokio::test]
async fn a_durable_ahead_of_its_stream_begins_again_and_is_reported() {
    let logs = Logs::capture();
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    let stream = create_stream(&context).await;
    publish(&context, &event(EventKind::Registered, 1)).await;
    publish(&context, &event(EventKind::Registered, 2)).await;
    stream.create_consumer(ahead()).await.unwrap();
    let reports = Reports::default();
    let mut running = Running::start(durable().metrics(reports.clone()), &server.url(), |_, _| Ok(())).await;
    logs.line(&["WARN", "the durable begins again", "position=4999", "last=2"]).await;
    publish(&context, &event(EventKind::Registered, 3)).await;
    for number in 1..=3 {
        assert_eq!(running.next_number().await, number);
    }
    settled(&context, 3).await;
    assert_eq!(*reports.0.lock().unwrap(), [true]);
    let config = consumer_info(&context).await.unwrap().config;
    assert_eq!(config.description.as_deref(), Some("made by an administrator"));
    running.stop().await;
}

#[tokio::test]
async fn a_user_who_may_not_reset_it_is_reported() {
    let users = r#"authorization { users: [
      { user: admin, password: admin }
      { user: reader, password: reader, permissions: { publish: {
          deny: ["$JS.API.CONSUMER.RESET.>", "$JS.API.CONSUMER.DELETE.>"] } } }
    ] }"#;
    let logs = Logs::capture();
    let server = NatsServer::start_with(users).await;
    let admin = async_nats::ConnectOptions::with_user_and_password("admin".to_owned(), "admin".to_owned());
    let context = async_nats::jetstream::new(admin.connect(server.url()).await.unwrap());
    let stream = create_stream(&context).await;
    publish(&context, &event(EventKind::Registered, 1)).await;
    stream.create_consumer(ahead()).await.unwrap();
    let reports = Reports::default();
    let url = server.url().replace("nats://", "nats://reader:reader@");
    let running = Running::start(durable().metrics(reports.clone()), &url, |_, _| Ok(())).await;
    logs.line(&["ERROR", "the durable skips what takes its place", "last=1"]).await;
    assert_eq!(*reports.0.lock().unwrap(), [false]);
    running.stop().await;
}

#[tokio::test]
async fn after_the_messages_of_a_stream_were_lost_new_ones_arrive() {
    const BEFORE: u128 = 50;
    let mut server = NatsServer::start().await;
    let context = server.jetstream().await;
    create_stream(&context).await;
    for number in 1..=BEFORE {
        publish(&context, &event(EventKind::Registered, number)).await;
    }
    let mut running = Running::start(durable(), &server.url(), |_, _| Ok(())).await;
    let (sender, mut watched) = unbounded_channel();
    let coverage = Coverage::default();
    let watcher = Subscriber::ephemeral()
        .from_start()
        .coverage(&coverage)
        .connect(&server.url())
        .await
        .unwrap();
    let watching = tokio::spawn(watcher.run(move |received, _| {
        let _ = sender.send(received.id.as_u128());
        async {}
    }));
    for number in 1..=BEFORE {
        assert_eq!(running.next_number().await, number);
        assert_eq!(soon(watched.recv()).await, Some(number));
    }
    settled(&context, 50).await;
    eventually("it has read everything", async || coverage.since()).await;

    server.stop();
    server.lose_messages();
    server.start_again().await;
    let context = server.jetstream().await;
    for number in BEFORE + 1..=BEFORE + 5 {
        publish(&context, &event(EventKind::Registered, number)).await;
        // A server may redeliver what it no longer knows as acknowledged.
        while running.next_number().await != number {}
        while soon(watched.recv()).await != Some(number) {}
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    watching.abort();
    running.stop().await;
}
