//! A subscriber of today reads what a newer service publishes: every event with everything that may
//! be added to it within its major version.

use std::{env, fs};

use async_nats::jetstream::{Context, stream};
use serde_json::{Value, json};
use watchword_events::subscriber::DLQ_SUBJECT_PREFIX;
use watchword_events::{AuthEvent, CATALOGUE, EventKind, example, schema};

use super::support::{NatsServer, create_stream};
use super::{DURABLE, Running, durable, settled};

const NEW_VALUE: &str = "Not-known_yet";

/// Adds a field to every object, replaces the value of every enumeration, and adds one to every list
/// of them. Returns the number of replaced values.
fn grow(value: &mut Value, schema: &Value) -> usize {
    if schema.get("x-known-values").is_some() {
        *value = NEW_VALUE.into();
        return 1;
    }
    match value {
        Value::Object(fields) => {
            let properties = schema.get("properties").and_then(Value::as_object);
            let known = properties.into_iter().flatten();
            let replaced = known
                .filter_map(|(name, schema)| fields.get_mut(name).map(|field| grow(field, schema)))
                .sum();
            fields.insert("laterField".to_owned(), json!({ "deep": [1, null] }));
            replaced
        }
        Value::Array(items) => {
            let schema = schema.get("items").unwrap_or(&Value::Null);
            if schema.get("x-known-values").is_some() {
                items.push(Value::Null);
            }
            items.iter_mut().map(|item| grow(item, schema)).sum()
        }
        _ => 0,
    }
}

/// The event as a newer service writes it.
fn grown(kind: EventKind, number: usize) -> (Value, usize) {
    let mut body: Value = serde_json::from_slice(&example::of(kind).to_json().unwrap()).unwrap();
    let replaced = grow(&mut body, &schema::document(&kind.definition(), schema::BASE_URL));
    let data = body.pointer_mut("/data").and_then(Value::as_object_mut).unwrap();
    data.insert("actor".to_owned(), json!({ "type": NEW_VALUE, "region": "eu" }));
    *body.pointer_mut("/id").unwrap() = uuid::Uuid::from_u128(number as u128).to_string().into();
    (body, replaced)
}

/// Creates the stream of events, and one of dead letters: an event that cannot be read would be one
/// at once.
async fn create_streams(context: &Context) {
    create_stream(context).await;
    let dead_letters = stream::Config {
        name: "dead-letters".to_owned(),
        subjects: vec![format!("{DLQ_SUBJECT_PREFIX}*")],
        ..Default::default()
    };
    context.create_stream(dead_letters).await.unwrap();
}

async fn publish(context: &Context, body: &Value) {
    let subject = body["subject"].as_str().unwrap().to_owned();
    context.publish(subject, body.to_string().into()).await.unwrap().await.unwrap();
}

async fn assert_no_dead_letters(context: &Context) {
    let info = context.get_stream("dead-letters").await.unwrap().cached_info().clone();
    assert_eq!(info.state.messages, 0, "{DURABLE} gave an event up");
}

#[tokio::test]
async fn everything_that_may_be_added_arrives_and_nothing_is_given_up() {
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    create_streams(&context).await;
    let mut enumerations = 0;
    for (number, event) in CATALOGUE.iter().enumerate() {
        let (body, replaced) = grown(event.kind, number);
        enumerations += replaced;
        publish(&context, &body).await;
    }
    assert!(enumerations >= 10, "only {enumerations} values were replaced");
    // A new event, and a new major version of a known one.
    let (mut body, _) = grown(EventKind::Registered, CATALOGUE.len());
    for (subject, version) in [
        ("auth.user.teleported", 1),
        ("auth.user.registered", 2),
        ("auth.system.warmed_up", 1),
    ] {
        body["subject"] = subject.into();
        body["schemaVersion"] = version.into();
        publish(&context, &body).await;
    }

    let mut running = Running::start(durable(), &server.url(), |_, _| Ok(())).await;
    for event in CATALOGUE {
        let (received, delivery) = running.next().await;
        assert_eq!((received.kind(), delivery.attempt), (Some(event.kind), 1), "{}", event.subject);
        assert_eq!(received.actor.as_ref().unwrap().kind.as_str(), NEW_VALUE);
        assert!(received.data().contains_key("laterField"));
        if let Some(AuthEvent::SessionRevoked(revoked)) = &received.event {
            assert_eq!(revoked.reason.as_str(), NEW_VALUE);
        }
    }
    for _ in 0..3 {
        assert_eq!(running.next().await.0.event, None);
    }
    running.stop().await;
    settled(&context, CATALOGUE.len() as u64 + 3).await;
    assert_no_dead_letters(&context).await;
}

/// The same with the events of a real build, whose path is in the environment.
#[tokio::test]
#[ignore = "scripts/check-old-kit.sh builds the newer contract"]
async fn the_events_of_a_newer_build_arrive() {
    let path = env::var("WATCHWORD_NEWER_EVENTS").expect("WATCHWORD_NEWER_EVENTS names a file");
    let lines = fs::read_to_string(path).unwrap();
    let mut bodies: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(bodies.len(), CATALOGUE.len() + 1, "one event is new");

    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    create_streams(&context).await;
    for (number, body) in bodies.iter_mut().enumerate() {
        // The examples share an id, which the kit would take for one event.
        *body.pointer_mut("/id").unwrap() = uuid::Uuid::from_u128(number as u128).to_string().into();
        publish(&context, body).await;
    }

    let mut running = Running::start(durable(), &server.url(), |_, _| Ok(())).await;
    for body in &bodies {
        let (received, delivery) = running.next().await;
        assert_eq!((received.subject.as_str(), delivery.attempt), (body["subject"].as_str().unwrap(), 1));
        match &received.event {
            None => assert_eq!(received.subject, "auth.user.teleported"),
            Some(AuthEvent::LoggedIn(login)) => {
                let actor = received.actor.as_ref().unwrap();
                assert_eq!((actor.kind.as_str(), login.method.as_str()), ("robot", "passkey"));
                assert_eq!(received.data().get("region"), Some(&json!("eu")));
            }
            Some(_) => {}
        }
    }
    running.stop().await;
    settled(&context, bodies.len() as u64).await;
    assert_no_dead_letters(&context).await;
}
