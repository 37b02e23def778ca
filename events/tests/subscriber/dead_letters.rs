//! Events that no handler can process.

use async_nats::jetstream::consumer::{PullConsumer, pull};
use async_nats::jetstream::stream::Stream;
use async_nats::jetstream::{self, Context};
use futures_util::StreamExt as _;
use tokio::sync::mpsc::unbounded_channel;
use watchword_events::subscriber::{DLQ_ATTEMPTS, DLQ_CONSUMER, DLQ_REASON, DLQ_SEQUENCE, DLQ_STREAM, DLQ_SUBJECT};
use watchword_events::{EventKind, HandlerError, Subscriber};

use super::support::{NatsServer, STREAM, create_stream, event, eventually, publish};
use super::{DURABLE, QUICK, Running, durable, settled, soon};

async fn create_dead_letter_stream(context: &Context) -> Stream {
    let config = jetstream::stream::Config {
        name: "auth-events-dlq".to_owned(),
        subjects: vec!["auth.dlq.*".to_owned()],
        ..Default::default()
    };
    context.create_stream(config).await.unwrap()
}

async fn read_dead_letters(stream: &Stream, count: usize) -> Vec<jetstream::Message> {
    let consumer: PullConsumer = stream.create_consumer(pull::Config::default()).await.unwrap();
    let messages = consumer.messages().await.unwrap().take(count).map(Result::unwrap);
    soon(messages.collect()).await
}

fn header(message: &jetstream::Message, name: &str) -> Option<String> {
    message.headers.as_ref()?.get(name).map(|value| value.as_str().to_owned())
}

#[tokio::test]
async fn a_dead_letter_has_the_reason_and_origin_of_its_event() {
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    create_stream(&context).await;
    let dead = create_dead_letter_stream(&context).await;
    let poison = event(EventKind::Registered, 1);
    publish(&context, &poison).await;
    publish(&context, &event(EventKind::Registered, 2)).await;
    let mut running = Running::start(durable(), &server.url(), |received, _| match received.id.as_u128() {
        1 => Err(HandlerError::poison("no such\r\naddress: \u{e4}")),
        _ => Ok(()),
    })
    .await;
    assert_eq!(running.next_number().await, 1);
    assert_eq!(running.next_number().await, 2);
    settled(&context, 2).await;
    let dead_letter = read_dead_letters(&dead, 1).await.remove(0);
    assert_eq!(dead_letter.subject.as_str(), format!("auth.dlq.{DURABLE}"));
    assert_eq!(dead_letter.payload, poison.to_json().unwrap());
    for (name, value) in [
        (DLQ_REASON, "no such  address:  "),
        (DLQ_CONSUMER, DURABLE),
        (DLQ_STREAM, STREAM),
        (DLQ_SUBJECT, "auth.user.registered"),
        (DLQ_SEQUENCE, "1"),
        (DLQ_ATTEMPTS, "1"),
        ("ce-id", &poison.id.to_string()),
        ("traceparent", poison.metadata.traceparent.as_deref().unwrap()),
    ] {
        assert_eq!(header(&dead_letter, name).unwrap().trim_end(), value.trim_end(), "{name}");
    }
    running.stop().await;
}

#[tokio::test]
async fn a_message_that_is_not_an_event_becomes_a_dead_letter_without_the_servers_headers() {
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    create_stream(&context).await;
    let dead = create_dead_letter_stream(&context).await;
    // JetStream stores this header with the message, and would refuse a dead letter that has it.
    let mut headers = async_nats::HeaderMap::new();
    headers.insert("Nats-Expected-Stream", STREAM);
    context
        .publish_with_headers("auth.user.registered", headers, "hello".into())
        .await
        .unwrap()
        .await
        .unwrap();
    let running = Running::start(durable(), &server.url(), |_, _| Ok(())).await;
    let dead_letter = read_dead_letters(&dead, 1).await.remove(0);
    assert_eq!(dead_letter.payload, "hello");
    assert!(
        header(&dead_letter, DLQ_REASON)
            .unwrap()
            .starts_with("the body is not JSON: expected value")
    );
    assert_eq!(header(&dead_letter, "Nats-Expected-Stream"), None);
    settled(&context, 1).await;
    running.stop().await;
}

#[tokio::test]
async fn an_event_becomes_a_dead_letter_after_its_last_attempt() {
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    create_stream(&context).await;
    let dead = create_dead_letter_stream(&context).await;
    publish(&context, &event(EventKind::Registered, 1)).await;
    let mut running =
        Running::start(durable().max_deliver(3), &server.url(), |_, _| Err(HandlerError::retry("busy"))).await;
    let dead_letter = read_dead_letters(&dead, 1).await.remove(0);
    assert_eq!(header(&dead_letter, DLQ_REASON).unwrap(), "given up after 3 attempts: busy");
    assert_eq!(header(&dead_letter, DLQ_ATTEMPTS).unwrap(), "3");
    for attempt in 1..=3 {
        assert_eq!(running.next().await.1.attempt, attempt);
    }
    settled(&context, 1).await;
    running.stop().await;
}

#[tokio::test]
async fn a_panic_fails_its_event_and_no_other() {
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    create_stream(&context).await;
    let dead = create_dead_letter_stream(&context).await;
    for number in 1..=2 {
        publish(&context, &event(EventKind::Registered, number)).await;
    }
    let (sender, mut seen) = unbounded_channel();
    let connected = durable().max_deliver(3).connect(&server.url()).await.unwrap();
    let task = tokio::spawn(connected.run(move |received, delivery| {
        let number = received.id.as_u128();
        sender.send((number, delivery.attempt)).unwrap();
        assert!(number != 1 || delivery.attempt > 1, "before there is a future");
        async move {
            assert!(number != 1, "number {number} is too much");
            Ok(())
        }
    }));
    let dead_letter = read_dead_letters(&dead, 1).await.remove(0);
    assert_eq!(
        header(&dead_letter, DLQ_REASON).unwrap(),
        "given up after 3 attempts: the handler panicked: number 1 is too much"
    );
    settled(&context, 2).await;
    let mut all = Vec::new();
    while let Ok(one) = seen.try_recv() {
        all.push(one);
    }
    all.sort_unstable();
    assert_eq!(all, [(1, 1), (1, 2), (1, 3), (2, 1)]);
    assert!(!task.is_finished());
    task.abort();
}

#[tokio::test]
async fn each_durable_has_its_own_dead_letter_of_an_event() {
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    create_stream(&context).await;
    let dead = create_dead_letter_stream(&context).await;
    publish(&context, &event(EventKind::Registered, 1)).await;
    let mut running = Vec::new();
    for name in ["one", "two"] {
        let subscriber = Subscriber::durable(name).backoff(QUICK);
        running.push(Running::start(subscriber, &server.url(), |_, _| Err(HandlerError::poison("no"))).await);
    }
    let mut owners: Vec<_> = read_dead_letters(&dead, 2)
        .await
        .iter()
        .map(|dead_letter| header(dead_letter, DLQ_CONSUMER).unwrap())
        .collect();
    owners.sort();
    assert_eq!(owners, ["one", "two"]);
    for running in running {
        running.stop().await;
    }
}

#[tokio::test]
async fn a_poison_event_is_retried_until_its_dead_letter_is_stored() {
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    create_stream(&context).await;
    publish(&context, &event(EventKind::Registered, 1)).await;
    let subscriber = durable().max_deliver(1000);
    let mut running = Running::start(subscriber, &server.url(), |_, _| Err(HandlerError::poison("no"))).await;
    for attempt in 1..=3 {
        assert_eq!(running.next().await.1.attempt, attempt);
    }
    let dead = create_dead_letter_stream(&context).await;
    read_dead_letters(&dead, 1).await;
    settled(&context, 1).await;
    running.stop().await;
}

#[tokio::test]
async fn without_dead_letters_a_poison_event_is_only_terminated() {
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    create_stream(&context).await;
    let mut dead = create_dead_letter_stream(&context).await;
    publish(&context, &event(EventKind::Registered, 1)).await;
    let subscriber = durable().without_dead_letters();
    let mut running = Running::start(subscriber, &server.url(), |_, _| Err(HandlerError::poison("no"))).await;
    running.next().await;
    settled(&context, 1).await;
    assert_eq!(dead.info().await.unwrap().state.messages, 0);
    let kept = eventually("the event stays in the stream", async || context.get_stream(STREAM).await.ok()).await;
    assert_eq!(kept.cached_info().state.messages, 1);
    running.stop().await;
}
