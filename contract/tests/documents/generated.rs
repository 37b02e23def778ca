//! Generated files are committed and up to date.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use watchword_contract::{docs, typescript};
use watchword_events::{CATALOGUE, schema};

const HINT: &str = "is stale: run `make generate`";

fn reference() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference")
}

#[test]
fn the_committed_schemas_are_up_to_date_and_complete() {
    let schemas = reference().join("schemas");
    let mut expected = BTreeSet::new();
    for event in CATALOGUE {
        let path = schemas.join(event.subject).join(format!("{}.json", event.version));
        let document = schema::document(event, schema::BASE_URL);
        let committed = fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(committed, format!("{document:#}\n"), "{} {HINT}", path.display());
        expected.insert(path);
    }
    let folders = fs::read_dir(schemas).unwrap().map(|entry| entry.unwrap().path());
    let found: BTreeSet<PathBuf> = folders
        .flat_map(|folder| fs::read_dir(folder).unwrap())
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn the_events_reference_is_up_to_date_and_complete() {
    let committed = fs::read_to_string(reference().join("events.md")).unwrap_or_default();
    assert_eq!(committed, docs::page(), "docs/reference/events.md {HINT}");
    assert_eq!(committed.matches("```json\n{\n").count(), CATALOGUE.len(), "an example is empty");
    let fields = "sessionId, email?, ip?, userAgent?, method, amr, expiresAt, idleExpiresAt";
    assert!(docs::table().contains(&format!("| `auth.user.logged_in` | 1 | {fields} |")));
}

#[test]
fn the_typescript_types_are_up_to_date() {
    let committed = fs::read_to_string(reference().join("typescript/auth-events.d.ts")).unwrap_or_default();
    assert!(
        committed == typescript::declarations(),
        "docs/reference/typescript/auth-events.d.ts {HINT}"
    );
    assert!(!committed.contains(": unknown;"), "a field has no type");
}

#[test]
fn the_id_of_a_schema_is_its_url() {
    for base in ["https://auth.example.com", "https://auth.example.com/"] {
        let event = CATALOGUE.first().unwrap();
        let document = schema::document(event, base);
        let url = "https://auth.example.com/schemas/auth.user.registered/1.json";
        assert_eq!(document.get("$id").unwrap(), url);
        assert_eq!(schema::url(base, event.subject, event.version), url);
    }
}

#[test]
fn the_event_table_in_the_guide_is_up_to_date() {
    let guide = fs::read_to_string(reference().join("../EVENTS.md")).unwrap();
    let (_, after) = guide.split_once("<!-- events:begin -->\n").unwrap();
    let (table, _) = after.split_once("<!-- events:end -->\n").unwrap();
    assert_eq!(table, docs::table(), "the table in docs/EVENTS.md {HINT}");
}
