//! `defaults.toml` describes every key and no others.

use std::collections::BTreeSet;

use serde_json::Value;
use watchword::config::{DEFAULTS, docs};

use super::load;

/// Collects the names of all leaves. Keys without a value are null.
fn leaves(prefix: &str, value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let full = if prefix.is_empty() {
                    name.clone()
                } else {
                    format!("{prefix}.{name}")
                };
                leaves(&full, value, into);
            }
        }
        _ => drop(into.insert(prefix.to_owned())),
    }
}

/// Returns the rows of all sections, without the table heads.
fn rows() -> Vec<Vec<String>> {
    let page = docs::page();
    let (_, sections) = page.split_once("\n## ").expect("a section");
    sections
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect())
        .collect()
}

#[test]
fn settings_and_documentation_have_the_same_keys() {
    let settings = serde_json::to_value(load(&[]).expect("settings")).expect("JSON");
    let mut fields = BTreeSet::new();
    leaves("", &settings, &mut fields);
    let documented: BTreeSet<String> = rows().iter().map(|row| row[0].trim_matches('`').to_owned()).collect();
    assert_eq!(documented, fields);
}

#[test]
fn the_page_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/CONFIGURATION.md");
    let page = std::fs::read_to_string(path).expect("docs/CONFIGURATION.md");
    assert!(page == docs::page(), "docs/CONFIGURATION.md is stale: run `make generate`");
}

#[test]
fn every_row_is_complete() {
    for row in rows() {
        let [key, value, default, meaning, variables] = row.as_slice() else {
            panic!("{row:?}")
        };
        let variable = format!("WATCHWORD__{}", key.trim_matches('`').replace('.', "__").to_uppercase());
        assert!(variables.ends_with(&format!("`{variable}`")), "{row:?}");
        assert!(!value.is_empty() && !default.is_empty(), "{row:?}");
        assert!(meaning.len() > 10 && meaning.ends_with('.'), "{row:?}");
    }
}

/// Keys without a section come first. Every other key is under its section, which has a
/// description.
#[test]
fn every_section_has_a_heading_a_description_and_its_keys() {
    let page = docs::page();
    let mut sections = page.split("\n## ").skip(1);
    assert!(sections.next().is_some_and(|general| general.starts_with("General\n")));
    for section in sections {
        let mut lines = section.lines().filter(|line| !line.is_empty());
        let name = lines.next().expect("a heading").trim_matches('`').to_owned();
        let meaning = lines.next().expect("a meaning");
        assert!(meaning.ends_with('.') && !meaning.starts_with('|'), "{name}: {meaning}");
        let keys: Vec<&str> = lines.filter(|line| line.starts_with("| `")).collect();
        assert!(!keys.is_empty(), "{name}");
        assert!(keys.iter().all(|row| row.starts_with(&format!("| `{name}."))), "{keys:?}");
    }
}

#[test]
fn rows_show_short_names_defaults_and_units() {
    let page = docs::page();
    for row in [
        "| `http.port` | port | `3001` |",
        "| `PORT`, `WATCHWORD__HTTP__PORT` |",
        "| `database.url` | text | – |",
        "| `DATABASE_URL`, `WATCHWORD__DATABASE__URL` |",
        "| `passwords.argon2_memory_kib` | KiB | `19456` |",
        "| `tokens.access_ttl` | duration | `\"15m\"` |",
        "| `limits.login` | rate | `\"20/1m\"` |",
        "| `metrics.enabled` | `true` or `false` | `true` |",
    ] {
        assert!(page.contains(row), "{row}\n{page}");
    }
}

#[test]
fn the_documented_examples_are_accepted_by_the_parser() {
    // Lines of the form `#key = value`, uncommented, must contain known keys and values of the
    // right type.
    let uncommented: String = DEFAULTS
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(rest) if !rest.starts_with(' ') && !rest.is_empty() => format!("{rest}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    let error = super::load_file(&uncommented, &[]).expect_err("the examples name files that do not exist");
    for problem in error.problems() {
        let refused_for_its_value = problem.key.starts_with("nats.") || problem.key == "secret_key";
        // A secret and its file exclude each other.
        let is_second_source = problem.key.ends_with("_file") && problem.problem.starts_with("only one of");
        assert!(
            (refused_for_its_value || is_second_source) && !problem.problem.contains("unknown"),
            "{problem}"
        );
    }
}
