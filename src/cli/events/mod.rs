//! `watchword events …`.

mod export;
mod progress;
mod selection;

use std::process::ExitCode;

use clap::Subcommand;

use crate::app::AppError;
use crate::config::Settings;

/// Arguments of `events`.
#[derive(Debug, Subcommand)]
pub(super) enum Events {
    /// Write events of the ledger as JSON lines, exactly the bytes that are published
    Export(export::Export),
}

impl Events {
    pub(super) async fn run(self, settings: &Settings) -> Result<ExitCode, AppError> {
        match self {
            Self::Export(command) => command.run(settings).await,
        }
    }
}
