//! The channels beside those of the events: dead letters and replays.

use serde_json::{Map, Value, json};
use watchword_events::CATALOGUE;
use watchword_events::dead_letters::{DESCRIPTIONS, DLQ_SUBJECT_PREFIX};

use super::{component, reference};
use crate::deployment::Deployment;

/// The message of the channel of dead letters.
pub(super) const DEAD_LETTER: &str = "dead_letter";

pub(super) fn channels(deployment: &Deployment) -> Vec<(String, Value)> {
    vec![
        ("dead_letters".to_owned(), dead_letters()),
        ("replays".to_owned(), replays(deployment)),
    ]
}

fn dead_letters() -> Value {
    json!({
        "address": format!("{DLQ_SUBJECT_PREFIX}{{durable}}"),
        "title": "dead_letters",
        "description": "Events that a subscriber gave up. The subscriber kit publishes them, each once for a durable, \
            before it terminates the event.",
        "servers": [reference("servers", "nats")],
        "parameters": { "durable": { "description": "The durable that gave the event up." } },
        "messages": { DEAD_LETTER: reference("components/messages", DEAD_LETTER) },
        "x-jetstream": { "stream": "auth-events-dlq", "filterSubject": format!("{DLQ_SUBJECT_PREFIX}*") },
    })
}

fn replays(deployment: &Deployment) -> Value {
    let messages: Map<String, Value> = CATALOGUE
        .iter()
        .map(component)
        .map(|name| (name.clone(), reference("components/messages", &name)))
        .collect();
    json!({
        "address": "auth.replay.{name}.{event}",
        "title": "replays",
        "description": "Events that an operator published again. A copy has the body and the headers of its event; only \
            `Nats-Msg-Id` is the event's id, a full stop and the name of the replay.",
        "servers": [reference("servers", "nats")],
        "parameters": {
            "name": { "description": "The name of the replay." },
            "event": { "description": "The name of the event, such as logged_in; custom for every custom event." },
        },
        "messages": messages,
        "x-jetstream": {
            "stream": format!("{}-replays", deployment.stream_name()),
            "filterSubject": "auth.replay.<name>.*",
        },
    })
}

/// The service publishes replays; subscribers publish dead letters.
pub(super) fn operation() -> (String, Value) {
    let operation = json!({
        "action": "send",
        "title": "replay",
        "summary": "Events that an operator publishes again.",
        "channel": reference("channels", "replays"),
    });
    ("publish_replay".to_owned(), operation)
}

pub(super) fn message() -> (String, Value) {
    let header =
        |(name, meaning): &(&str, &str)| ((*name).to_owned(), json!({ "type": "string", "description": meaning }));
    let properties: Map<String, Value> = DESCRIPTIONS.iter().map(header).collect();
    let required: Vec<&str> = DESCRIPTIONS.iter().map(|(name, _)| *name).collect();
    let message = json!({
        "name": DEAD_LETTER,
        "title": DEAD_LETTER,
        "summary": "An event that a subscriber gave up: its body as it was delivered, and its headers except those of NATS.",
        "contentType": "application/json",
        "headers": { "type": "object", "properties": properties, "required": required },
        "payload": { "description": "The event, byte for byte as it was delivered." },
    });
    (DEAD_LETTER.to_owned(), message)
}
