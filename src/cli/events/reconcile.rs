//! `watchword events reconcile`.

use std::process::ExitCode;

use serde::Serialize;

use crate::app::AppError;
use crate::app::commands::events::reconcile;
use crate::cli::counted;
use crate::cli::format::FormatArgs;
use crate::config::Settings;

/// The result as JSON.
#[derive(Serialize)]
struct Reconciled {
    settled: u64,
    reopened: u64,
}

pub(super) async fn run(settings: &Settings, format: FormatArgs) -> Result<ExitCode, AppError> {
    let report = reconcile(settings).await?;
    let reconciled = Reconciled { settled: report.adopted, reopened: report.reopened };
    format.print(&reconciled, || {
        format!(
            "Settled {} that the stream has.\nReopened {} that the stream has lost{}\n",
            counted(reconciled.settled, "event"),
            counted(reconciled.reopened, "event"),
            if reconciled.reopened > 0 {
                "; the service publishes them again when it runs."
            } else {
                "."
            }
        )
    });
    Ok(ExitCode::SUCCESS)
}
