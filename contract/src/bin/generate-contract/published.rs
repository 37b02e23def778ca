//! Published schemas and samples: `published/<subject>/<major>.<minor>.schema.json` and
//! `….sample.json`. Files are added and never changed.

use std::error::Error;
use std::fs;
use std::path::Path;

use serde_json::Value;
use watchword_contract::compatibility::{breaking_changes, same_contract};
use watchword_events::{EventType, example};

/// Adds the event's schema and example as a new minor version, if its major version has none or the
/// newest lacks a field.
///
/// # Errors
/// When the schema breaks a published one, or a file cannot be read or written.
pub(crate) fn keep(directory: &Path, event: &EventType, schema: &Value) -> Result<(), Box<dyn Error>> {
    let folder = directory.join(event.subject);
    let file = |minor: u32, what: &str| folder.join(format!("{}.{minor}.{what}.json", event.version));
    let mut next = 0;
    let mut newest = None;
    while file(next, "schema").exists() {
        let known: Value = serde_json::from_slice(&fs::read(file(next, "schema"))?)?;
        let broken = breaking_changes(&known, schema);
        if !broken.is_empty() {
            return Err(format!(
                "{} breaks its published version {}.{next}: revert the change, or raise the version in the catalogue\n  {}",
                event.subject,
                event.version,
                broken.join("\n  ")
            )
            .into());
        }
        newest = Some(known);
        next += 1;
    }
    if newest.is_some_and(|newest| same_contract(&newest, schema)) {
        return Ok(());
    }
    fs::create_dir_all(&folder)?;
    let mut sample = example::of(event.kind).to_json()?;
    sample.push(b'\n');
    fs::write(file(next, "schema"), format!("{schema:#}\n"))?;
    fs::write(file(next, "sample"), sample)?;
    Ok(())
}
