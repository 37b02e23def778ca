//! `watchword serve`.

use std::process::ExitCode;

use clap::Args;

use super::banner;
use crate::app::{App, AppError, Environment, allow_open_files, commands, stop_on_signals};
use crate::config::Settings;
use crate::telemetry::{self, Output};

/// Arguments of `serve`.
#[derive(Debug, Args)]
pub(super) struct Serve {
    /// Do not apply migrations
    #[arg(long)]
    no_migrate: bool,
}

impl Serve {
    pub(super) async fn run(self, settings: Settings) -> Result<ExitCode, AppError> {
        commands::check(&settings)?;
        let log = telemetry::init(&settings.telemetry, Output::Stdout)?;
        let stop = stop_on_signals()?;
        for warning in &settings.warnings {
            tracing::warn!("{warning}");
        }
        allow_open_files(&settings);
        let build = async {
            if self.no_migrate {
                App::build_unmigrated(settings.clone(), Environment::default()).await
            } else {
                App::build(settings.clone()).await
            }
        };
        let app = tokio::select! {
            app = build => app?,
            // Nothing is served yet, and an interrupted migration rolls back with its connection.
            () = stop.cancelled() => return Ok(ExitCode::SUCCESS),
        };
        tracing::info!(
            port = app.port(),
            database = app.database(),
            version = env!("CARGO_PKG_VERSION"),
            "serving"
        );
        let banner = telemetry::spawn("banner", banner::print(settings, banner::Facts::of(&app)));
        let result = app.run_until_stopped(stop).await;
        banner.abort();
        log.flush();
        result.map(|()| ExitCode::SUCCESS)
    }
}
