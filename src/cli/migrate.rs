//! `watchword migrate up|down|status`.

use std::process::ExitCode;

use clap::Subcommand;

use super::{confirmed, counted, print};
use crate::app::{AppError, commands};
use crate::config::Settings;

/// Arguments of `migrate`.
#[derive(Debug, Subcommand)]
pub(super) enum Migrate {
    /// Apply all pending migrations; instances that start at the same time wait for each other
    Up,
    /// Revert the last migrations and delete the data in their tables
    Down {
        /// Number of migrations to revert
        #[arg(long, default_value_t = 1)]
        steps: u32,
        /// Skip the confirmation
        #[arg(long)]
        yes: bool,
    },
    /// List the migrations and whether they are applied
    Status,
}

impl Migrate {
    pub(super) async fn run(self, settings: &Settings) -> Result<ExitCode, AppError> {
        let migrations = match self {
            Self::Up => commands::migrate_up(settings).await?,
            Self::Down { steps, yes } => {
                confirmed(
                    yes,
                    &format!("Reverting {} deletes the data in the tables.", counted(u64::from(steps), "migration")),
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
