//! What was published, kept for ever: `published/<subject>/<major>.<minor>.schema.json` and `….sample.json`.
//! Files are added here and never written again.

use std::error::Error;
use std::fs;
use std::path::Path;

use serde_json::Value;
use watchword_events::EventType;
use watchword_events::compatibility::{breaking_changes, same_contract};

/// Adds the event's schema and example as a new minor version, if its major has none yet or the newest lacks a field.
///
/// # Errors
/// When the schema breaks one that is published, or a file cannot be read or written.
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
                "{} breaks its published version {}.{next}: undo it, or raise the version in the catalogue\n  {}",
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
    let mut sample = event.example().to_json()?;
    sample.push(b'\n');
    fs::write(file(next, "schema"), format!("{schema:#}\n"))?;
    fs::write(file(next, "sample"), sample)?;
    Ok(())
}
