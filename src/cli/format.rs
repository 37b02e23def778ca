//! `--format text|json`.

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::print;

/// How a command prints its result.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(super) enum Format {
    #[default]
    Text,
    Json,
}

/// The argument of every command whose result a program may read.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct FormatArgs {
    /// Format of the result on standard output; json is one object on one line
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub(super) format: Format,
}

impl FormatArgs {
    /// Print a result in the chosen format.
    pub(super) fn print(self, result: &impl Serialize, text: impl FnOnce() -> String) {
        match self.format {
            Format::Text => print(&text()),
            // The results have no maps with keys other than texts, so this does not fail.
            Format::Json => print(&format!("{}\n", serde_json::to_string(result).unwrap_or_default())),
        }
    }
}
