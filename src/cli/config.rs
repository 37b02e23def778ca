//! `watchword config show|check|docs`.

use std::path::Path;
use std::process::ExitCode;

use clap::Subcommand;

use super::print;
use crate::app::AppError;
use crate::config::{DEFAULTS, Settings, docs};

/// Arguments of `config`.
#[derive(Debug, Subcommand)]
pub(super) enum Config {
    /// Print the effective settings as TOML, secrets redacted
    Show {
        /// Print the commented defaults instead: every setting, its meaning and its environment variable
        #[arg(long)]
        defaults: bool,
    },
    /// Check the settings and say what is wrong with them
    Check,
    /// Print every setting as a Markdown table
    Docs,
}

impl Config {
    pub(super) fn run(self, file: Option<&Path>) -> Result<ExitCode, AppError> {
        match self {
            Self::Show { defaults: true } => print(DEFAULTS),
            Self::Show { defaults: false } => print(&Settings::load(file)?.redacted_toml()?),
            Self::Check => {
                Settings::load(file)?;
                print("the configuration is good\n");
            }
            Self::Docs => print(&docs::table()),
        }
        Ok(ExitCode::SUCCESS)
    }
}
