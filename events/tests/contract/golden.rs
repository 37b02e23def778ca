//! The exact bytes of every event, and whether they match the schemas.
//!
//! A golden file holds one body, as written today, and a final line break. `UPDATE_GOLDEN=1` writes
//! missing files. `published.rs` tests what earlier versions wrote.

use std::path::PathBuf;
use std::{env, fs};

use serde_json::Value;
use watchword_events::{CATALOGUE, Event, EventKind, ReceivedEvent, SUBJECT_FILTERS, example, schema};

use super::validator;

fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn golden_bodies() -> Vec<(String, Vec<u8>)> {
    let files = fs::read_dir(directory()).unwrap().map(|entry| entry.unwrap().path());
    files
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(path).unwrap()))
        .collect()
}

#[test]
fn every_example_matches_its_golden_file_byte_for_byte() {
    for event in CATALOGUE {
        let path = directory().join(format!("{}.v{}.json", event.subject, event.version));
        let mut bytes = example::of(event.kind).to_json().unwrap();
        bytes.push(b'\n');
        if env::var_os("UPDATE_GOLDEN").is_some() && !path.exists() {
            fs::write(&path, &bytes).unwrap();
        }
        let golden = fs::read(&path).unwrap_or_default();
        assert_eq!(String::from_utf8_lossy(&bytes), String::from_utf8_lossy(&golden), "{}", path.display());
    }
}

#[test]
fn every_golden_file_matches_its_schema_and_round_trips() {
    let bodies = golden_bodies();
    assert!(bodies.len() >= CATALOGUE.len());
    for (name, bytes) in bodies {
        let received = ReceivedEvent::from_json(&bytes).unwrap();
        let kind = EventKind::from_subject(&received.subject).unwrap();
        let validator = validator(&schema::document(&kind.definition(), schema::BASE_URL));
        let errors: Vec<String> = validator.iter_errors(received.raw()).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{name}: {errors:?}");
        let written = Event::try_from(received).unwrap().to_json().unwrap();
        assert_eq!(written, bytes.trim_ascii_end(), "{name}");
    }
}

#[test]
fn every_example_round_trips() {
    for event in CATALOGUE {
        let example = example::of(event.kind);
        assert_eq!(Event::from_json(&example.to_json().unwrap()).unwrap(), example);
        let subject = example.event.subject();
        assert_eq!((example.event.kind(), EventKind::from_subject(&subject)), (event.kind, Some(event.kind)));
        assert_eq!(watchword_events::split_subject(&subject).0, event.subject);
    }
}

#[test]
fn the_session_of_an_event_is_its_payloads_session_id() {
    for event in CATALOGUE {
        let example = example::of(event.kind);
        let body: Value = serde_json::from_slice(&example.to_json().unwrap()).unwrap();
        let written = body.pointer("/data/sessionId").and_then(Value::as_str);
        let session = example.event.session_id().map(|id| id.to_string());
        assert_eq!(session.as_deref(), written, "{}", event.subject);
    }
}

#[test]
fn subjects_versions_and_descriptions_are_well_formed() {
    for event in CATALOGUE {
        let (tree, token) = event.filter().rsplit_once('.').unwrap();
        match tree {
            "auth.user" | "auth.system" => assert_eq!((token, event.filter()), (event.name, event.subject)),
            "auth.custom" => assert_eq!((token, tree, event.name), ("*", event.subject, "custom")),
            _ => panic!("{} is in no tree of the stream", event.subject),
        }
        assert!(SUBJECT_FILTERS.contains(&format!("{tree}.*").as_str()), "{tree}");
        assert!(event.name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{}", event.name);
        assert!(event.version >= 1 && event.description.ends_with('.') && !event.description.contains(['|', '\n']));
        assert_eq!(CATALOGUE.iter().filter(|other| other.subject == event.subject).count(), 1);
    }
    for promised in ["registered", "logged_in", "logged_out", "token_refreshed"] {
        assert!(CATALOGUE.iter().any(|event| event.name == promised), "{promised} must not be removed");
    }
}

#[test]
fn a_schema_refuses_invalid_messages_and_accepts_unknown_fields() {
    for event in CATALOGUE {
        let validator = validator(&schema::document(event, schema::BASE_URL));
        let mut good: Value = serde_json::from_slice(&example::of(event.kind).to_json().unwrap()).unwrap();
        // An event about no account gets one, so that the cases below can change it.
        let data = good["data"].as_object_mut().unwrap();
        data.entry("userId").or_insert("01a2031e-cd40-7b21-9f0d-3a7e5c8d1b02".into());
        data.entry("userSeq").or_insert(1.into());
        let with = |pointer: &str, value: Value| {
            let mut changed = good.clone();
            *changed.pointer_mut(pointer).unwrap() = value;
            changed
        };
        let without = |object: &str, key: &str| {
            let mut changed = good.clone();
            changed.pointer_mut(object).unwrap().as_object_mut().unwrap().remove(key).unwrap();
            changed
        };
        for bad in [
            with("/subject", "auth.user.other".into()),
            with("/schemaVersion", 2.into()),
            with("/data/timestamp", "yesterday".into()),
            with("/data/userId", "42".into()),
            with("/metadata/requestId", Value::Null),
            without("", "id"),
            without("/data", "timestamp"),
            without("/metadata", "service"),
            without("/metadata", "environment"),
        ] {
            assert!(!validator.is_valid(&bad), "{} accepts {bad}", event.subject);
        }
        let without_number = with("/data/userSeq", 0.into());
        assert_eq!(validator.is_valid(&without_number), !event.is_numbered(), "{}", event.subject);
        assert_eq!(
            validator.is_valid(&without("/data", "userId")),
            !event.about_known_user,
            "{}",
            event.subject
        );
        let mut newer = good.clone();
        for object in ["", "/data", "/metadata"] {
            newer
                .pointer_mut(object)
                .unwrap()
                .as_object_mut()
                .unwrap()
                .insert("later".to_owned(), 1.into());
        }
        assert!(validator.is_valid(&newer), "{}", event.subject);
    }
}

#[test]
fn no_schema_has_a_field_for_a_secret() {
    fn names(value: &Value, found: &mut Vec<String>) {
        if let Some(properties) = value.get("properties").and_then(Value::as_object) {
            found.extend(properties.keys().map(|name| name.to_lowercase()));
        }
        match value {
            Value::Object(members) => members.values().for_each(|member| names(member, found)),
            Value::Array(items) => items.iter().for_each(|item| names(item, found)),
            _ => {}
        }
    }
    let secret = [
        "password", "token", "secret", "hash", "cookie", "code", "key", "header", "seed",
    ];
    for event in CATALOGUE {
        let mut found = Vec::new();
        names(&schema::document(event, schema::BASE_URL), &mut found);
        assert!(found.contains(&"timestamp".to_owned()));
        found.retain(|name| name != "identifierhash" && secret.iter().any(|word| name.contains(word)));
        assert!(found.is_empty(), "{}: {found:?}", event.subject);
    }
}
