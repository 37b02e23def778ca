//! The AsyncAPI document. The official parser reads it in `scripts/check-contracts.sh`.

use serde_json::{Value, json};
use watchword_contract::{Deployment, asyncapi};
use watchword_events::{CATALOGUE, example};

fn stream() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../nats/streams/auth-events.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

pub(super) fn deployment() -> Deployment {
    Deployment {
        base_url: "https://auth.example.com/api".to_owned(),
        schema_base: "https://auth.example.com/api".to_owned(),
        service: "watchword".to_owned(),
        environment: "production".to_owned(),
        source: "https://auth.example.com".to_owned(),
        stream: stream(),
    }
}

fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            found.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
            members.values().for_each(|member| references(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[test]
fn every_event_has_one_channel_one_operation_and_one_message() {
    let document = asyncapi::document(&deployment());
    assert_eq!(document["asyncapi"], "3.0.0");
    // Beside the events: dead letters and replays, of which the service publishes the latter.
    for (part, beside) in [("channels", 2), ("operations", 1)] {
        assert_eq!(document[part].as_object().unwrap().len(), CATALOGUE.len() + beside, "{part}");
    }
    for event in CATALOGUE {
        let channel = &document["channels"][event.name];
        assert_eq!(channel["address"], event.filter().replace('*', "{name}"));
        assert_eq!(channel["x-jetstream"]["filterSubject"], event.filter());
        assert_eq!(channel["x-jetstream"]["stream"], "auth-events");
        let operation = &document["operations"][format!("publish_{}", event.name)];
        assert_eq!(operation["action"], "send");
        assert_eq!(operation["channel"]["$ref"], format!("#/channels/{}", event.name));
    }
}

#[test]
fn dead_letters_and_replays_are_channels() {
    let document = asyncapi::document(&deployment());
    let (dead, replays) = (&document["channels"]["dead_letters"], &document["channels"]["replays"]);
    assert_eq!(
        (&dead["address"], &replays["address"]),
        (&json!("auth.dlq.{durable}"), &json!("auth.replay.{name}.{event}"))
    );
    assert_eq!(replays["messages"].as_object().unwrap().len(), CATALOGUE.len());
    assert_eq!(replays["x-jetstream"]["stream"], "auth-events-replays");
    let headers = &document["components"]["messages"]["dead_letter"]["headers"];
    let names: Vec<&Value> = headers["required"].as_array().unwrap().iter().collect();
    for name in ["Reason", "Consumer", "Stream", "Subject", "Sequence", "Attempts"] {
        assert!(names.contains(&&json!(format!("Watchword-Dlq-{name}"))), "{name}");
    }
}

#[test]
fn every_reference_resolves() {
    let document = asyncapi::document(&deployment());
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() >= 4 * CATALOGUE.len());
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

#[test]
fn every_example_matches_its_message_schemas() {
    let document = asyncapi::document(&deployment());
    let valid = |schema: &Value, instance: &Value| {
        let validator = jsonschema::draft7::options().should_validate_formats(true).build(schema).unwrap();
        validator.validate(instance).map_err(|error| error.to_string())
    };
    for event in CATALOGUE {
        let name = format!("{}.v{}", event.name, event.version);
        let message = &document["components"]["messages"][&name];
        let shown = &message["examples"][0];
        let body: Value = serde_json::from_slice(&example::of(event.kind).to_json().unwrap()).unwrap();
        assert_eq!(shown["payload"], body);
        valid(&document["components"]["schemas"][&name], &body).unwrap();
        valid(&message["headers"], &shown["headers"]).unwrap();
        assert!(valid(&message["headers"], &json!({})).is_err());
        assert_eq!(
            message["x-json-schema"],
            format!("https://auth.example.com/api/schemas/{}/{}.json", event.subject, event.version)
        );
    }
}

#[test]
fn the_document_contains_the_stream_configuration() {
    let document = asyncapi::document(&deployment());
    assert_eq!(document["x-jetstream"]["stream"], stream());
    assert_eq!(
        document["x-jetstream"]["deduplication"]["windowNanoseconds"],
        stream()["duplicate_window"]
    );
}
