//! The catalogue as an AsyncAPI 3.0 document, with JetStream's settings in `x-jetstream`.
//!
//! Payloads are in AsyncAPI's own schema format (a superset of JSON Schema draft 07), which every
//! tool reads. `x-json-schema` is the URL of the 2020-12 schema of each.

mod beside;

use serde_json::{Map, Value, json};
use watchword_events::headers::{self, Presence};
use watchword_events::{CATALOGUE, EventKind, EventType, SUBJECT_FILTERS, example, schema};

use crate::deployment::Deployment;

const DESCRIPTION: &str = "\
Every auth action commits one event in the transaction that changes the state. A relay publishes it to JetStream: \
at least once, always with the same id, and in order for each user. Read the events with a durable pull consumer, \
deduplicate by `id`, and ignore unknown events and fields.";

/// Returns the document as text, as it is served and committed.
#[must_use]
pub fn text(deployment: &Deployment) -> String {
    format!("{:#}\n", document(deployment))
}

/// Returns the document of a deployment.
#[must_use]
pub fn document(deployment: &Deployment) -> Value {
    let each = |describe: &dyn Fn(&EventType) -> (String, Value)| -> Map<String, Value> {
        CATALOGUE.iter().map(describe).collect()
    };
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Watchword auth events",
            "version": env!("CARGO_PKG_VERSION"),
            "description": DESCRIPTION,
            "license": { "name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0" },
            "externalDocs": { "description": "The same contract as a web page", "url": format!("{}/events-docs", deployment.base_url) },
        },
        "defaultContentType": "application/json",
        "servers": { "nats": server() },
        "channels": with(each(&|event| (event.name.to_owned(), channel(event, deployment))), beside::channels(deployment)),
        "operations": with(each(&|event| (format!("publish_{}", event.name), operation(event))), [beside::operation()]),
        "components": {
            "messages": with(each(&|event| (component(event), message(event, deployment))), [beside::message()]),
            "schemas": each(&|event| (component(event), payload(event, deployment))),
        },
        "x-jetstream": jetstream(deployment),
    })
}

fn with(mut members: Map<String, Value>, others: impl IntoIterator<Item = (String, Value)>) -> Map<String, Value> {
    members.extend(others);
    members
}

/// Only the subscriber knows the address of NATS.
fn server() -> Value {
    json!({
        "host": "{host}:{port}",
        "protocol": "nats",
        "description": "The NATS servers that the service publishes to.",
        "variables": {
            "host": { "default": "localhost", "description": "Your NATS server." },
            "port": { "default": "4222" },
        },
    })
}

/// `logged_in.v1`
fn component(event: &EventType) -> String {
    format!("{}.v{}", event.name, event.version)
}

fn reference(kind: &str, name: &str) -> Value {
    json!({ "$ref": format!("#/{kind}/{name}") })
}

fn channel(event: &EventType, deployment: &Deployment) -> Value {
    let component = component(event);
    let custom = event.kind == EventKind::Custom;
    let mut channel = json!({
        "address": if custom { "auth.custom.{name}" } else { event.subject },
        "title": event.name,
        "description": event.description,
        "servers": [reference("servers", "nats")],
        "messages": { component.clone(): reference("components/messages", &component) },
        "x-jetstream": {
            "stream": deployment.stream_name(),
            "filterSubject": event.filter(),
        },
    });
    if let (true, Some(channel)) = (custom, channel.as_object_mut()) {
        let name =
            json!({ "description": "The application's name for what happened.", "examples": ["playlist_shared"] });
        channel.insert("parameters".to_owned(), json!({ "name": name }));
    }
    channel
}

fn operation(event: &EventType) -> Value {
    json!({
        "action": "send",
        "title": event.name,
        "summary": event.description,
        "channel": reference("channels", event.name),
        "messages": [reference(&format!("channels/{}/messages", event.name), &component(event))],
    })
}

fn message(event: &EventType, deployment: &Deployment) -> Value {
    let example = example::of(event.kind);
    let body = example.to_json().ok();
    let body: Value = body.and_then(|body| serde_json::from_slice(&body).ok()).unwrap_or_default();
    let headers: Map<String, Value> = headers::for_event(&example, &deployment.source, &deployment.schema_base)
        .into_iter()
        .map(|(name, value)| (name.to_owned(), Value::from(value)))
        .collect();
    json!({
        "name": format!("{}.v{}", event.subject, event.version),
        "title": event.name,
        "summary": event.description,
        "contentType": "application/json",
        "headers": header_schema(event),
        "payload": reference("components/schemas", &component(event)),
        "examples": [{ "name": event.name, "headers": headers, "payload": body }],
        "x-json-schema": schema::url(&deployment.schema_base, event.subject, event.version),
    })
}

fn header_schema(event: &EventType) -> Value {
    let fixed = |name: &str| match name {
        headers::CONTENT_TYPE | headers::CE_DATACONTENTTYPE => Some("application/json".to_owned()),
        headers::CE_SPECVERSION => Some("1.0".to_owned()),
        headers::CE_TYPE if event.kind != EventKind::Custom => {
            Some(format!("{}{}.v{}", headers::TYPE_PREFIX, event.subject, event.version))
        }
        _ => None,
    };
    let properties: Map<String, Value> = headers::DESCRIPTIONS
        .iter()
        .map(|header| {
            let mut property = json!({ "type": "string", "description": header.meaning });
            if let (Some(value), Some(property)) = (fixed(header.name), property.as_object_mut()) {
                property.insert("const".to_owned(), value.into());
            }
            (header.name.to_owned(), property)
        })
        .collect();
    let required: Vec<&str> = headers::DESCRIPTIONS
        .iter()
        .filter(|header| match header.presence {
            Presence::Always => true,
            Presence::KnownUser => event.about_known_user,
            Presence::Numbered => event.about_known_user && event.is_numbered(),
            Presence::Traced => false,
        })
        .map(|header| header.name)
        .collect();
    json!({ "type": "object", "properties": properties, "required": required })
}

/// Returns the schema without the keywords that name its dialect.
fn payload(event: &EventType, deployment: &Deployment) -> Value {
    let mut document = schema::document(event, &deployment.schema_base);
    if let Some(members) = document.as_object_mut() {
        members.shift_remove("$schema");
        members.shift_remove("$id");
    }
    document
}

fn jetstream(deployment: &Deployment) -> Value {
    json!({
        "stream": deployment.stream,
        "source": deployment.source,
        "allEvents": SUBJECT_FILTERS,
        "delivery": "at least once per id; in the order of userSeq for each user",
        "deduplication": {
            "header": headers::MESSAGE_ID,
            "windowNanoseconds": deployment.stream.get("duplicate_window"),
            "consumer": "Deduplicate by id: record it in an inbox table, in the transaction that does the work.",
        },
        "consumer": {
            "durable_name": "<your-service>",
            "ack_policy": "explicit",
            "ack_wait": 30_000_000_000_u64,
            "max_deliver": 6,
            "max_ack_pending": 256,
            "deliver_policy": "all",
            "replay_policy": "instant",
            "note": "A pull consumer. Set max_ack_pending to 1 for strict order. Set no server backoff: send Nak with a growing delay, and Term for a poison event.",
        },
        "deadLetters": { "stream": "auth-events-dlq", "subject": "auth.dlq.<durable>" },
    })
}
