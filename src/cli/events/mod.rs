//! `watchword events …`.

mod adopt;
mod export;
mod progress;
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
    /// Export events of the ledger as JSON lines with the published bytes
    Export(export::Export),
    /// Compare the ledger with the stream without changes; exits with 1 if they differ
    Verify(verify::VerifyArgs),
    /// Print events as they arrive in the stream; as JSON lines unless standard output is a
    /// terminal
    Tail(tail::Tail),
    /// Publish events of the ledger again, into a separate stream by default
    Replay(replay::ReplayArgs),
    /// Take events of the stream into a restored ledger that lacks them
    Adopt(adopt::AdoptArgs),
}

impl Events {
    pub(super) async fn run(self, settings: &Settings) -> Result<ExitCode, AppError> {
        match self {
            Self::Export(command) => command.run(settings).await,
            Self::Verify(args) => verify::run(settings, args).await,
            Self::Tail(command) => command.run(settings).await,
            Self::Replay(command) => command.run(settings).await,
            Self::Adopt(args) => adopt::run(settings, args).await,
        }
    }
}
