//! Events that kill the process that handles them.

use std::env;
use std::process::{Command, Stdio};
use std::time::Duration;

use async_nats::jetstream::Context;
use async_nats::jetstream::stream::{self, Stream};
use watchword_events::subscriber::{BatchLimits, Durable};
use watchword_events::{EventKind, ReceivedEvent, Subscriber};

use super::support::{NatsServer, create_stream, event, eventually, publish};
use super::{Running, consumer_info, durable};

const NATS: &str = "WATCHWORD_TEST_NATS";
const EVENTS: u128 = 60;
const DEADLY: u128 = 30;
const ATTEMPTS: u32 = 6;

fn subscriber() -> Subscriber<Durable> {
    durable().ack_wait(Duration::from_millis(300)).max_deliver(ATTEMPTS)
}

fn handle(received: &ReceivedEvent) {
    if received.id.as_u128() == DEADLY {
        std::process::abort();
    }
}

#[tokio::test]
#[ignore = "a test below runs it in a process that dies"]
async fn victim_one_by_one() {
    let connected = subscriber().connect(&env::var(NATS).unwrap()).await.unwrap();
    let handler = |received, _| async move {
        handle(&received);
        Ok(())
    };
    connected.run(handler).await.unwrap();
}

#[tokio::test]
#[ignore = "a test below runs it in a process that dies"]
async fn victim_in_batches() {
    let connected = subscriber().connect(&env::var(NATS).unwrap()).await.unwrap();
    let limits = BatchLimits { max_events: 20, max_wait: Duration::from_millis(20) };
    let handler = |events: Vec<(ReceivedEvent, _)>| async move {
        events.iter().for_each(|(received, _)| handle(received));
        Ok(())
    };
    connected.run_batches(limits, handler).await.unwrap();
}

/// Starts the victim until it has used all attempts of the deadly event.
async fn loses_no_other_event(victim: &str) {
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    create_stream(&context).await;
    let mut given_up = advisories(&context).await;
    for number in 1..=EVENTS {
        publish(&context, &event(EventKind::LoggedIn, number)).await;
    }
    for attempt in 1..=ATTEMPTS {
        let died = Command::new(env::current_exe().unwrap())
            .args(["--exact", victim, "--ignored"])
            .env(NATS, server.url())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        assert!(!died.unwrap().success(), "attempt {attempt}");
    }
    // The server reports that it no longer delivers the event. It still delivers all others.
    let rest = Running::start(subscriber(), &server.url(), |_, _| Ok(())).await;
    eventually("all other events are settled", async || {
        let info = consumer_info(&context).await?;
        (info.num_pending == 0 && info.num_ack_pending == 0).then_some(())
    })
    .await;
    rest.stop().await;
    let only = given_up.get_raw_message(1).await.unwrap();
    let only: serde_json::Value = serde_json::from_slice(&only.payload).unwrap();
    let sequence = only.get("stream_seq").and_then(serde_json::Value::as_u64);
    assert_eq!(sequence, u64::try_from(DEADLY).ok());
    assert_eq!(given_up.info().await.unwrap().state.messages, 1);
}

/// Creates a stream of the server's advisories about events that it no longer delivers.
async fn advisories(context: &Context) -> Stream {
    let config = stream::Config {
        name: "given-up".to_owned(),
        subjects: vec!["$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.auth-events.*".to_owned()],
        ..Default::default()
    };
    context.create_stream(config).await.unwrap()
}

#[tokio::test]
async fn a_deadly_event_loses_no_other_event() {
    loses_no_other_event("crashes::victim_one_by_one").await;
}

#[tokio::test]
async fn a_deadly_event_in_a_batch_loses_no_other_event() {
    loses_no_other_event("crashes::victim_in_batches").await;
}
