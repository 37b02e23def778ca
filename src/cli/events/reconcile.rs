//! `watchword events reconcile`.

use std::process::ExitCode;

use crate::app::AppError;
use crate::app::commands::events::reconcile;
use crate::cli::print;
use crate::config::Settings;

pub(super) async fn run(settings: &Settings) -> Result<ExitCode, AppError> {
    let reconciled = reconcile(settings).await?;
    print(&format!(
        "settled   {} events that the stream has\nreopened  {} events that the stream has lost{}\n",
        reconciled.adopted,
        reconciled.reopened,
        if reconciled.reopened > 0 {
            ": the service publishes them again when it runs"
        } else {
            ""
        }
    ));
    Ok(ExitCode::SUCCESS)
}
