//! `watchword config show|check|docs`.

use std::path::Path;
use std::process::ExitCode;

use clap::Subcommand;

use super::format::FormatArgs;
use super::print;
use crate::app::AppError;
use crate::config::{DEFAULTS, Settings, docs};

/// Arguments of `config`.
#[derive(Debug, Subcommand)]
pub(super) enum Config {
    /// Print the effective configuration as TOML or JSON, with secrets redacted
    Show {
        /// Print the defaults instead, with a comment for every key
        #[arg(long, conflicts_with = "format")]
        defaults: bool,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Check the configuration and print all problems
    Check,
    /// Print the reference of all keys as Markdown
    Docs,
}

impl Config {
    pub(super) fn run(self, file: Option<&Path>) -> Result<ExitCode, AppError> {
        match self {
            Self::Show { defaults: true, .. } => print(DEFAULTS),
            Self::Show { defaults: false, format } => {
                let settings = Settings::load(file)?;
                let text = settings.redacted_toml()?;
                format.print(&settings, || text);
            }
            Self::Check => {
                Settings::load(file)?;
                print("The configuration is valid.\n");
            }
            Self::Docs => print(&docs::page()),
        }
        Ok(ExitCode::SUCCESS)
    }
}
