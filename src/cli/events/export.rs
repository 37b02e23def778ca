//! `watchword events export`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::progress::ProgressView;
use super::selection::SelectionArgs;
use crate::app::commands::events::{Destination, export};
use crate::app::{AppError, stop_on_signals};
use crate::cli::counted;
use crate::config::Settings;

/// Arguments of `events export`.
#[derive(Debug, Args)]
#[command(after_help = "Example: watchword events export --from 2026-11-01T00:00:00Z november.jsonl.gz")]
pub(in crate::cli) struct Export {
    /// File to write, compressed if its name ends in .gz; - is standard output
    file: PathBuf,
    #[command(flatten)]
    selection: SelectionArgs,
}

impl Export {
    pub(super) async fn run(self, settings: &Settings) -> Result<ExitCode, AppError> {
        let selection = self.selection.parse()?;
        let destination = if self.file.as_os_str() == "-" {
            Destination::Stdout
        } else {
            Destination::File(self.file)
        };
        let stop = stop_on_signals()?;
        let mut view = ProgressView::new("Exporting");
        let written = export(settings, &selection, destination, &mut view, &stop).await;
        if let Ok(written) = &written {
            view.say(&format!("Exported {}.", counted(*written, "event")));
        }
        view.end();
        written.map(|_| ExitCode::SUCCESS)
    }
}
