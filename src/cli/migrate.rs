//! `watchword migrate up|down|status`.

use std::process::ExitCode;

use clap::Subcommand;

use super::{confirmed, print};
use crate::app::{AppError, commands};
use crate::config::Settings;

/// Arguments of `migrate`.
#[derive(Debug, Subcommand)]
pub(super) enum Migrate {
    /// Apply every migration that the database lacks; instances that start together wait for one another
    Up,
    /// Undo the last migrations, with the data in their tables
    Down {
        /// How many
        #[arg(long, default_value_t = 1)]
        steps: u32,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Show which migrations the database has
    Status,
}

impl Migrate {
    pub(super) async fn run(self, settings: &Settings) -> Result<ExitCode, AppError> {
        let migrations = match self {
            Self::Up => commands::migrate_up(settings).await?,
            Self::Down { steps, yes } => {
                confirmed(
                    yes,
                    &format!("Undoing {steps} migration(s) deletes the data in their tables."),
                )?;
                commands::migrate_down(settings, steps).await?
            }
            Self::Status => commands::migration_status(settings).await?,
        };
        for migration in migrations {
            print(&format!(
                "{}  {}\n",
                if migration.applied { "applied" } else { "pending" },
                migration.name
            ));
        }
        Ok(ExitCode::SUCCESS)
    }
}
