//! Configuration: sources, errors, redaction and documentation.
#![expect(clippy::expect_used, clippy::panic, reason = "a failed assertion ends a test")]

use std::{fs, path::PathBuf};

use tempfile::TempDir;
use watchword::config::{ConfigError, Settings};

mod documentation;
mod loading;
mod redaction;
mod refusals;
mod secret_files;

/// Loads the settings with these variables only.
fn load(vars: &[(&str, &str)]) -> Result<Settings, ConfigError> {
    Settings::load_from(None, owned(vars))
}

/// Loads the settings with this file and these variables.
fn load_file(text: &str, vars: &[(&str, &str)]) -> Result<Settings, ConfigError> {
    let (_directory, path) = file(text);
    Settings::load_from(Some(&path), owned(vars))
}

fn file(text: &str) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("watchword.toml");
    fs::write(&path, text).expect("a file");
    (directory, path)
}

fn owned(vars: &[(&str, &str)]) -> Vec<(String, String)> {
    vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}
