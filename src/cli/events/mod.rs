//! `watchword events …`.

mod export;
mod progress;
mod reconcile;
mod replay;
mod selection;
mod tail;
mod verify;

use std::process::ExitCode;

use clap::Subcommand;

use crate::app::AppError;
use crate::config::Settings;

/// Arguments of `events`.
#[derive(Debug, Subcommand)]
pub(super) enum Events {
    /// Write events of the ledger as JSON lines, exactly the bytes that are published
    Export(export::Export),
    /// Compare the ledger with the stream, changing nothing; exit code 1 when they differ
    Verify,
    /// Print events as they reach the stream, as JSON lines where standard output is no terminal
    Tail(tail::Tail),
    /// Do once by hand what the service's relay does at its start; refused while the service runs
    Reconcile,
    /// Publish events of the ledger again, into a stream of their own unless told otherwise
    Replay(replay::ReplayArgs),
}

impl Events {
    pub(super) async fn run(self, settings: &Settings) -> Result<ExitCode, AppError> {
        match self {
            Self::Export(command) => command.run(settings).await,
            Self::Verify => verify::run(settings).await,
            Self::Tail(command) => command.run(settings).await,
            Self::Replay(command) => command.run(settings).await,
            Self::Reconcile => reconcile::run(settings).await,
        }
    }
}
