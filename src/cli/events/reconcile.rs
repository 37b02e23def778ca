//! `watchword events reconcile`.

use std::process::ExitCode;

use crate::app::AppError;
use crate::app::commands::events::reconcile;
use crate::cli::{counted, print};
use crate::config::Settings;

pub(super) async fn run(settings: &Settings) -> Result<ExitCode, AppError> {
    let reconciled = reconcile(settings).await?;
    print(&format!(
        "Settled {} that the stream has.\nReopened {} that the stream has lost{}\n",
        counted(reconciled.adopted, "event"),
        counted(reconciled.reopened, "event"),
        if reconciled.reopened > 0 {
            "; the service publishes them again when it runs."
        } else {
            "."
        }
    ));
    Ok(ExitCode::SUCCESS)
}
