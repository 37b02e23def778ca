//! `defaults.toml` describes every key, and nothing else.

use std::collections::BTreeSet;

use serde_json::Value;
use watchword::config::{DEFAULTS, docs};

use super::load;

/// Names of all leaves; keys without a value show as null.
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

fn rows() -> Vec<Vec<String>> {
    docs::table()
        .lines()
        .skip(2)
        .map(|line| {
            line.trim_matches('|')
                .split(" | ")
                .map(|cell| cell.trim().to_owned())
                .collect()
        })
        .collect()
}

#[test]
fn every_field_of_the_settings_is_documented_and_the_other_way_round() {
    let settings = serde_json::to_value(load(&[]).expect("settings")).expect("JSON");
    let mut fields = BTreeSet::new();
    leaves("", &settings, &mut fields);
    let documented: BTreeSet<String> = rows().iter().map(|row| row[0].trim_matches('`').to_owned()).collect();
    assert_eq!(documented, fields);
}

#[test]
fn the_table_in_the_readme_is_fresh() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).expect("README.md");
    let (_, after) = readme.split_once("<!-- config:begin -->\n").expect("the first marker");
    let (table, _) = after.split_once("<!-- config:end -->\n").expect("the second marker");
    assert!(
        table.trim_end() == docs::table().trim_end(),
        "the configuration table in README.md is stale: run `make generate`"
    );
}

#[test]
fn every_row_is_complete() {
    for row in rows() {
        let [key, variables, default, meaning] = row.as_slice() else {
            panic!("{row:?}")
        };
        let variable = format!("WATCHWORD__{}", key.trim_matches('`').replace('.', "__").to_uppercase());
        assert!(variables.contains(&variable), "{row:?}");
        assert!(
            !default.is_empty() && meaning.len() > 10 && meaning.ends_with('.'),
            "{row:?}"
        );
    }
}

#[test]
fn short_names_and_defaults_are_in_the_table() {
    let table = docs::table();
    assert!(
        table.contains("| `http.port` | `PORT`, `WATCHWORD__HTTP__PORT` | `3001` |"),
        "{table}"
    );
    assert!(
        table.contains("| `database.url` | `DATABASE_URL`, `WATCHWORD__DATABASE__URL` | – |"),
        "{table}"
    );
}

#[test]
fn the_documented_examples_are_accepted_by_the_parser() {
    // "#key = value" lines, uncommented, must still be known keys of the right type.
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
        assert!(
            refused_for_its_value && !problem.problem.contains("unknown"),
            "{problem}"
        );
    }
}
