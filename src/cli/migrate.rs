//! `watchword migrate up|down|status`.

use std::process::ExitCode;

use clap::Subcommand;
use serde::Serialize;

use super::format::FormatArgs;
use super::{confirmed, counted, exit, print};
use crate::app::AppError;
use crate::app::commands::{self, Migration};
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
    /// List the migrations and whether they are applied; exits with 1 if one is pending
    Status(FormatArgs),
}

impl Migrate {
    pub(super) async fn run(self, settings: &Settings) -> Result<ExitCode, AppError> {
        let migrations = match self {
            Self::Status(format) => {
                let migrations = commands::migration_status(settings).await?;
                return Ok(status(&migrations, format));
            }
            Self::Up => commands::migrate_up(settings).await?,
            Self::Down { steps, yes } => {
                confirmed(
                    yes,
                    &format!("Reverting {} deletes the data in the tables.", counted(u64::from(steps), "migration")),
                )?;
                commands::migrate_down(settings, steps).await?
            }
        };
        print(&list(&migrations));
        Ok(ExitCode::SUCCESS)
    }
}

/// The result of `migrate status` as JSON.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Status<'a> {
    /// The number of migrations that are not applied.
    pending: usize,
    migrations: &'a [Migration],
}

fn status(migrations: &[Migration], format: FormatArgs) -> ExitCode {
    let pending = migrations.iter().filter(|migration| !migration.applied).count();
    format.print(&Status { pending, migrations }, || list(migrations));
    exit::same(pending == 0)
}

fn list(migrations: &[Migration]) -> String {
    let state = |applied| if applied { "applied" } else { "pending" };
    let line = |migration: &Migration| format!("{}  {}\n", state(migration.applied), migration.name);
    migrations.iter().map(line).collect()
}
