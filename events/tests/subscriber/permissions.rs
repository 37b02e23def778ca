//! Durables created by an administrator, and a user with permission only to read them.

use async_nats::jetstream::consumer::{AckPolicy, pull};
use async_nats::{ConnectOptions, Event as ClientEvent};
use tokio::sync::mpsc::unbounded_channel;
use watchword_events::{EventKind, SubscribeError};

use super::support::{NatsServer, STREAM, create_stream, event, publish};
use super::{DURABLE, consumer_info, durable, settled, soon};

const USERS: &str = r#"
authorization { users: [
  { user: admin, password: admin }
  { user: reader, password: reader, permissions: {
      publish: ["$JS.API.CONSUMER.INFO.auth-events.test-reader", "$JS.API.CONSUMER.MSG.NEXT.auth-events.test-reader",
                "$JS.ACK.auth-events.test-reader.>", "$JS.ACK.*.*.auth-events.test-reader.>"]
      subscribe: ["_INBOX_reader.>"] } }
] }
"#;

fn created_by_an_administrator(filter: &str) -> pull::Config {
    pull::Config {
        durable_name: Some(DURABLE.to_owned()),
        filter_subject: filter.to_owned(),
        ..Default::default()
    }
}

#[tokio::test]
async fn reading_an_existing_durable_needs_few_permissions() {
    let server = NatsServer::start_with(USERS).await;
    let admin = ConnectOptions::with_user_and_password("admin".to_owned(), "admin".to_owned());
    let context = async_nats::jetstream::new(admin.connect(server.url()).await.unwrap());
    let stream = create_stream(&context).await;
    stream.create_consumer(created_by_an_administrator("auth.user.*")).await.unwrap();
    publish(&context, &event(EventKind::LoggedIn, 1)).await;
    publish(&context, &event(EventKind::Registered, 2)).await;

    let (violations, mut seen_violations) = unbounded_channel();
    let reader = ConnectOptions::with_user_and_password("reader".to_owned(), "reader".to_owned())
        .custom_inbox_prefix("_INBOX_reader")
        .event_callback(move |happened| {
            if let ClientEvent::ServerError(error) = happened {
                let _ = violations.send(error.to_string());
            }
            async {}
        });
    let (sender, mut seen) = unbounded_channel();
    let subscriber = durable().events([EventKind::Registered]);
    let connected = subscriber.connect_with(&server.url(), reader).await.unwrap();
    let task = tokio::spawn(connected.run(move |received, _| {
        let _ = sender.send(received.id.as_u128());
        async { Ok(()) }
    }));
    let first = soon(seen.recv()).await;
    assert_eq!(first, Some(2), "unwanted events are skipped");
    settled(&context, 2).await;
    assert_eq!(seen_violations.try_recv().ok(), None);
    task.abort();
}

#[tokio::test]
async fn a_durable_that_filters_out_wanted_events_is_refused() {
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    let stream = create_stream(&context).await;
    stream.create_consumer(created_by_an_administrator("auth.user.registered")).await.unwrap();
    let connected = durable()
        .events([EventKind::Registered, EventKind::Deleted])
        .connect(&server.url())
        .await
        .unwrap();
    let refused = soon(connected.run(|_, _| async { Ok(()) })).await;
    assert!(
        matches!(refused, Err(SubscribeError::Filtered { subject: "auth.user.deleted", .. })),
        "{refused:?}"
    );
    assert_eq!(consumer_info(&context).await.unwrap().config.filter_subject, "auth.user.registered");
}

#[tokio::test]
async fn a_durable_without_explicit_acknowledgements_is_refused() {
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    let stream = create_stream(&context).await;
    let config = pull::Config {
        ack_policy: AckPolicy::None,
        ..created_by_an_administrator("")
    };
    stream.create_consumer(config).await.unwrap();
    let connected = durable().connect(&server.url()).await.unwrap();
    let refused = soon(connected.run(|_, _| async { Ok(()) })).await;
    assert!(matches!(refused, Err(SubscribeError::NotExplicit { .. })), "{refused:?}");
}

#[tokio::test]
async fn an_invalid_durable_name_is_refused_at_once() {
    let server = NatsServer::start().await;
    create_stream(&server.jetstream().await).await;
    let connected = watchword_events::Subscriber::durable("not a name").connect(&server.url()).await.unwrap();
    let refused = soon(connected.run(|_, _| async { Ok(()) })).await;
    assert!(matches!(refused, Err(SubscribeError::Consumer { .. })), "{refused:?}");
}

#[tokio::test]
async fn an_unreachable_server_is_an_error_at_once() {
    let refused = durable().connect("nats://127.0.0.1:1").await.unwrap_err();
    assert!(matches!(refused, SubscribeError::Connect(_)), "{refused:?}");
    assert_eq!(
        (DURABLE, STREAM),
        ("test-reader", "auth-events"),
        "the permissions above contain these names"
    );
}
