//! The compatibility gate. `docs/reference/published/` keeps every published schema with a sample,
//! as `<subject>/<major>.<minor>.schema.json`. Its files never change, and the current contract
//! must be compatible with all of them.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use sha2::{Digest as _, Sha256};
use watchword_contract::compatibility::{breaking_changes, same_contract};
use watchword_events::{CATALOGUE, EventKind, EventType, ReceivedEvent, example, schema};

use super::validator;

/// A published minor version.
struct Published {
    name: String,
    subject: String,
    major: u32,
    minor: u32,
    schema: Value,
    sample: Value,
}

impl Published {
    fn load(schema: &Path) -> Self {
        let subject = schema.parent().unwrap().file_name().unwrap().to_str().unwrap();
        let version = schema.file_name().unwrap().to_str().unwrap().trim_end_matches(".schema.json");
        let (major, minor) = version.split_once('.').unwrap();
        Self {
            name: format!("{subject} {version}"),
            subject: subject.to_owned(),
            major: major.parse().unwrap(),
            minor: minor.parse().unwrap(),
            schema: read(schema),
            sample: read(&schema.with_file_name(format!("{version}.sample.json"))),
        }
    }
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference/published")
}

fn files() -> Vec<PathBuf> {
    let entries = |path: &Path| -> Vec<PathBuf> {
        let entries = fs::read_dir(path).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    };
    let folders = entries(&directory()).into_iter().filter(|path| path.is_dir());
    folders.flat_map(|folder| entries(&folder)).collect()
}

fn read(path: &Path) -> Value {
    let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&bytes).unwrap()
}

fn published() -> Vec<Published> {
    let schemas = files().into_iter().filter(|path| path.to_str().unwrap().ends_with(".schema.json"));
    schemas.map(|path| Published::load(&path)).collect()
}

/// Returns every published minor version of each event's current major version, with the event.
fn pairs() -> Vec<(Published, &'static EventType)> {
    let with_event = |old: Published| {
        let event = CATALOGUE
            .iter()
            .find(|event| (event.subject, event.version) == (old.subject.as_str(), old.major));
        event.map(|event| (old, event))
    };
    published().into_iter().filter_map(with_event).collect()
}

fn current(event: &EventType) -> Value {
    schema::document(event, schema::BASE_URL)
}

fn sample(event: &EventType) -> Value {
    serde_json::from_slice(&example::of(event.kind).to_json().unwrap()).unwrap()
}

/// Returns the sample with its required fields only.
fn minimal(sample: &Value, schema: &Value) -> Value {
    let (Some(fields), Some(required)) = (sample.as_object(), schema.get("required").and_then(Value::as_array)) else {
        return sample.clone();
    };
    let kept = fields.iter().filter(|(name, _)| required.contains(&Value::from(name.as_str())));
    let kept = kept.map(|(name, value)| {
        let field = schema.get("properties").and_then(|fields| fields.get(name));
        (name.clone(), minimal(value, field.unwrap_or(&Value::Null)))
    });
    Value::Object(kept.collect())
}

#[test]
fn published_files_never_change() {
    let sums = fs::read_to_string(directory().join("SHA256SUMS")).unwrap();
    let mut listed = BTreeSet::new();
    for line in sums.lines() {
        let (digest, name) = line.split_once("  ").unwrap();
        let path = directory().join(name);
        let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{name} was published and is missing: {error}"));
        let is = Sha256::digest(bytes).iter().fold(String::new(), |mut hex, byte| {
            write!(hex, "{byte:02x}").unwrap();
            hex
        });
        assert_eq!(is, digest, "{name} was published and was edited; restore it");
        assert!(listed.insert(path), "{name} is listed twice");
    }
    let found: BTreeSet<PathBuf> = files().into_iter().collect();
    assert_eq!(found, listed, "SHA256SUMS is stale: run `make generate`");
}

#[test]
fn the_newest_published_version_is_the_current_contract() {
    let published = published();
    for event in CATALOGUE {
        let newest = published
            .iter()
            .filter(|old| (old.subject.as_str(), old.major) == (event.subject, event.version))
            .max_by_key(|old| old.minor);
        assert!(
            newest.is_some_and(|newest| same_contract(&newest.schema, &current(event))),
            "{} v{} is not the newest published version: run `make generate`",
            event.subject,
            event.version
        );
    }
}

#[test]
fn no_published_event_or_major_version_is_removed() {
    for old in published() {
        let event = CATALOGUE.iter().find(|event| event.subject == old.subject);
        assert!(
            event.is_some_and(|event| event.version >= old.major),
            "{} was published and is not in the catalogue",
            old.name
        );
    }
}

#[test]
fn only_optional_fields_are_added_within_a_major_version() {
    for (old, event) in pairs() {
        let broken = breaking_changes(&old.schema, &current(event));
        assert!(broken.is_empty(), "{} is broken:\n{}", old.name, broken.join("\n"));
    }
}

#[test]
fn old_and_new_samples_match_old_and_new_schemas() {
    for (old, event) in pairs() {
        let new_schema = current(event);
        let new_sample = sample(event);
        for (what, schema, sample) in [
            ("the old sample, the new schema", &new_schema, old.sample.clone()),
            ("the minimal old sample, the new schema", &new_schema, minimal(&old.sample, &old.schema)),
            ("the new sample, the old schema", &old.schema, new_sample.clone()),
            ("the minimal new sample, the old schema", &old.schema, minimal(&new_sample, &new_schema)),
        ] {
            let errors: Vec<String> = validator(schema).iter_errors(&sample).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{}: {what}: {errors:?}", old.name);
        }
    }
}

#[test]
fn every_published_sample_can_be_read() {
    for (old, event) in pairs() {
        for sample in [&old.sample, &minimal(&old.sample, &old.schema)] {
            let received = ReceivedEvent::from_json(sample.to_string().as_bytes()).unwrap();
            assert_eq!(received.kind(), Some(event.kind), "{}", old.name);
        }
    }
}

#[test]
fn the_gate_refuses_every_kind_of_break_and_accepts_additions() {
    type Change = fn(&mut Value);
    fn fields(schema: &mut Value) -> &mut serde_json::Map<String, Value> {
        schema.pointer_mut("/properties/data/properties").unwrap().as_object_mut().unwrap()
    }
    fn required(schema: &mut Value) -> &mut Vec<Value> {
        schema.pointer_mut("/properties/data/required").unwrap().as_array_mut().unwrap()
    }
    let breaks: [(&str, Change); 10] = [
        ("a required field is removed", |it| drop(fields(it).shift_remove("amr"))),
        ("an optional field is removed", |it| drop(fields(it).shift_remove("email"))),
        ("another type", |it| fields(it)["email"]["type"] = "integer".into()),
        ("a new required field", |it| {
            fields(it).insert("country".to_owned(), serde_json::json!({ "type": "string" }));
            required(it).push("country".into());
        }),
        ("an optional field is required", |it| required(it).push("email".into())),
        ("a required field is optional", |it| required(it).retain(|name| name != "amr")),
        ("a known value is removed", |it| {
            fields(it)["method"]["x-known-values"].as_array_mut().unwrap().clear();
        }),
        ("a closed enumeration", |it| {
            fields(it)["method"]["enum"] = serde_json::json!(["password"]);
        }),
        ("a text becomes an enumeration", |it| {
            fields(it)["email"]["x-known-values"] = serde_json::json!(["ada@example.com"]);
        }),
        ("a new limit", |it| fields(it)["email"]["maxLength"] = 10.into()),
    ];
    let old = current(&EventKind::LoggedIn.definition());
    for (what, change) in breaks {
        let mut new = old.clone();
        change(&mut new);
        assert!(!breaking_changes(&old, &new).is_empty(), "{what} is accepted");
    }
    let mut new = old.clone();
    fields(&mut new).insert("country".to_owned(), serde_json::json!({ "type": "string" }));
    fields(&mut new)["email"]["description"] = "A better description.".into();
    for (list, added) in [("x-known-values", "telepathy"), ("x-enum-descriptions", "By thought.")] {
        fields(&mut new)["method"][list].as_array_mut().unwrap().push(added.into());
    }
    assert_eq!(breaking_changes(&old, &new), Vec::<String>::new());
    assert!(!same_contract(&old, &new));
}
