//! `watchword config show|check|docs`.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Subcommand;
use serde::Serialize;

use super::format::FormatArgs;
use super::{exit, print};
use crate::app::AppError;
use crate::app::commands::{self, Connection, ConnectionState};
use crate::config::{ConfigError, DEFAULTS, Settings, docs};

/// Arguments of `config`.
#[derive(Debug, Subcommand)]
pub(super) enum Config {
    /// Print the effective configuration as TOML or JSON, with secrets redacted
    Show {
        /// Print the defaults instead, with a comment for every key
        #[arg(long, conflicts_with = "format")]
        defaults: bool,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Check the configuration and print all problems, as serve does before it starts
    Check {
        /// Connect to the database, Redis, NATS and the mail server too
        #[arg(long)]
        connect: bool,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Print the reference of all keys as Markdown
    Docs,
}

impl Config {
    pub(super) async fn run(self, load: impl Fn() -> Result<Settings, ConfigError>) -> Result<ExitCode, AppError> {
        match self {
            Self::Show { defaults: true, .. } => print(DEFAULTS),
            Self::Show { defaults: false, format } => {
                let settings = load()?;
                let text = settings.redacted_toml()?;
                format.print(&settings, || text);
            }
            Self::Check { connect, format } => return check(&load()?, connect, format).await,
            Self::Docs => print(&docs::page()),
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The result of `config check` as JSON.
#[derive(Serialize)]
struct Checked<'a> {
    valid: bool,
    warnings: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    connections: Option<&'a [Connection]>,
}

async fn check(settings: &Settings, connect: bool, format: FormatArgs) -> Result<ExitCode, AppError> {
    commands::check(settings)?;
    for warning in &settings.warnings {
        let _ = writeln!(std::io::stderr(), "watchword: {warning}");
    }
    let connections = if connect {
        Some(commands::check_connections(settings).await)
    } else {
        None
    };
    let checked = Checked {
        valid: true,
        warnings: &settings.warnings,
        connections: connections.as_deref(),
    };
    format.print(&checked, || {
        let lines: String = connections.iter().flatten().map(line).collect();
        format!("The configuration is valid.\n{lines}")
    });
    let has_failed = |connection: &Connection| matches!(connection.state, ConnectionState::Failed { .. });
    Ok(exit::connected(!connections.iter().flatten().any(has_failed)))
}

fn line(connection: &Connection) -> String {
    let text = match &connection.state {
        ConnectionState::Good { detail } => format!("good: {detail}"),
        ConnectionState::Unused { detail } => format!("not used: {detail}"),
        ConnectionState::Failed { problem, remedy } => format!("FAILED: {problem}\n            {remedy}"),
    };
    format!("  {:<9} {text}\n", connection.part)
}
