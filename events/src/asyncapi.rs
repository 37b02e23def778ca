//! The catalogue as an AsyncAPI 3.0 document, with what JetStream adds in `x-jetstream`.
//!
//! Payloads are given in AsyncAPI's own schema format (a superset of JSON Schema draft 07), which every tool reads;
//! the 2020-12 schema each one is made from is at its `x-json-schema`.

use serde_json::{Map, Value, json};

use crate::catalogue::{CATALOGUE, EventType, SUBJECT_PREFIX};
use crate::deployment::Deployment;
use crate::headers::{self, Presence};
use crate::{example, schema};

const DESCRIPTION: &str = "\
Every auth action commits one event in the transaction that changes the state; a relay publishes it to JetStream, at least once \
under one id and in order for each user. Read it with a durable pull consumer, dedupe on `id`, and ignore fields and events \
that you don't know.";

/// The document as text, as it is served and committed.
#[must_use]
pub fn text(deployment: &Deployment) -> String {
    format!("{:#}\n", document(deployment))
}

/// The document of one deployment.
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
            "externalDocs": { "description": "The same to read", "url": format!("{}/events-docs", deployment.base_url) },
        },
        "defaultContentType": "application/json",
        "servers": { "nats": server() },
        "channels": each(&|event| (event.name.to_owned(), channel(event, deployment))),
        "operations": each(&|event| (format!("publish_{}", event.name), operation(event))),
        "components": {
            "messages": each(&|event| (component(event), message(event, deployment))),
            "schemas": each(&|event| (component(event), payload(event, deployment))),
        },
        "x-jetstream": jetstream(deployment),
    })
}

/// Where NATS is, only the reader knows.
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
    json!({
        "address": event.subject,
        "title": event.name,
        "description": event.description,
        "servers": [reference("servers", "nats")],
        "messages": { component.clone(): reference("components/messages", &component) },
        "x-jetstream": {
            "stream": deployment.stream_name(),
            "filterSubject": event.subject,
        },
    })
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
    let example = event.example();
    let body = example.to_json().ok();
    let body: Value = body
        .and_then(|body| serde_json::from_slice(&body).ok())
        .unwrap_or_default();
    let headers: Map<String, Value> = headers::for_event(&example, example::SCHEMA_BASE)
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
        headers::CONTENT_TYPE => Some("application/json".to_owned()),
        headers::CE_SPECVERSION => Some("1.0".to_owned()),
        headers::CE_TYPE => Some(format!("{}.v{}", event.subject, event.version)),
        _ => None,
    };
    let properties: Map<String, Value> = headers::DOCUMENTED
        .iter()
        .map(|header| {
            let mut property = json!({ "type": "string", "description": header.meaning });
            if let (Some(value), Some(property)) = (fixed(header.name), property.as_object_mut()) {
                property.insert("const".to_owned(), value.into());
            }
            (header.name.to_owned(), property)
        })
        .collect();
    let required: Vec<&str> = headers::DOCUMENTED
        .iter()
        .filter(|header| match header.presence {
            Presence::Always => true,
            Presence::KnownUser => event.about_known_user,
            Presence::Traced => false,
        })
        .map(|header| header.name)
        .collect();
    json!({ "type": "object", "properties": properties, "required": required })
}

/// The schema without what names another dialect.
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
        "source": format!("/{}/{}", deployment.service, deployment.environment),
        "allEvents": format!("{SUBJECT_PREFIX}*"),
        "delivery": "at least once for each id; in the order of userSeq for each user",
        "deduplication": {
            "header": headers::MESSAGE_ID,
            "windowNanoseconds": deployment.stream.get("duplicate_window"),
            "consumer": "Dedupe on id: keep it in an inbox table, in the transaction that does the work.",
        },
        "consumer": {
            "durable_name": "<your-service>",
            "ack_policy": "explicit",
            "ack_wait": 30_000_000_000_u64,
            "max_deliver": 6,
            "max_ack_pending": 256,
            "deliver_policy": "all",
            "replay_policy": "instant",
            "note": "Pull. max_ack_pending 1 for strict order. No server backoff: Nak with a delay that grows, Term for poison.",
        },
        "deadLetters": { "stream": "auth-events-dlq", "subject": "auth.dlq.<durable>" },
    })
}
