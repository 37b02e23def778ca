//! `watchword stream apply|info|diff`.

use std::process::ExitCode;

use clap::Subcommand;
use serde::Serialize;

use super::format::FormatArgs;
use super::{exit, print};
use crate::app::AppError;
use crate::app::commands::{self, Change, Field, StreamReport};
use crate::config::Settings;

/// Arguments of `stream`.
#[derive(Debug, Subcommand)]
pub(super) enum Stream {
    /// Create the stream, or update it to nats/streams/auth-events.json and the configuration
    Apply,
    /// Show the stream's state and configuration
    Info(FormatArgs),
    /// Show how the stream differs from its definition; exits with 1 if it differs
    Diff(FormatArgs),
}

impl Stream {
    pub(super) async fn run(self, settings: &Settings) -> Result<ExitCode, AppError> {
        match self {
            Self::Apply => apply(settings).await,
            Self::Info(format) => info(settings, format).await,
            Self::Diff(format) => diff(settings, format).await,
        }
    }
}

async fn apply(settings: &Settings) -> Result<ExitCode, AppError> {
    match commands::stream_apply(settings).await? {
        Change::Created => print(&format!("Created {}.\n", settings.stream.name)),
        Change::Unchanged => print(&format!("{} is up to date.\n", settings.stream.name)),
        Change::Updated(fields) => print(&format!("Updated {}:\n{}", settings.stream.name, table(&fields))),
    }
    Ok(ExitCode::SUCCESS)
}

async fn info(settings: &Settings, format: FormatArgs) -> Result<ExitCode, AppError> {
    let stream = commands::stream_info(settings).await?;
    format.print(&stream, || summary(&stream));
    Ok(ExitCode::SUCCESS)
}

fn summary(stream: &StreamReport) -> String {
    let config = serde_json::to_string_pretty(&stream.config).unwrap_or_default();
    let leader = stream.leader.as_ref().map(|leader| format!(", led by {leader}"));
    format!(
        "stream     {}\nsubjects   {}\ncreated    {}\nmessages   {} ({} bytes), sequences {} to {}\nconsumers  {}\n\
         replicas   {}{}\nserver     {}\nconfig     {config}\n",
        stream.name,
        stream.subjects.join(", "),
        stream.created,
        stream.messages,
        stream.bytes,
        stream.first_seq,
        stream.last_seq,
        stream.consumers,
        stream.replicas,
        leader.unwrap_or_default(),
        stream.server_version,
    )
}

/// The result of `stream diff` as JSON.
#[derive(Serialize)]
struct Compared<'a> {
    stream: &'a str,
    same: bool,
    differences: &'a [Field],
}

async fn diff(settings: &Settings, format: FormatArgs) -> Result<ExitCode, AppError> {
    let differences = commands::stream_diff(settings).await?;
    let (stream, same) = (settings.stream.name.as_str(), differences.is_empty());
    let compared = Compared { stream, same, differences: &differences };
    format.print(&compared, || {
        if same {
            format!("{stream} matches its definition.\n")
        } else {
            table(&differences)
        }
    });
    Ok(exit::same(same))
}

fn table(fields: &[Field]) -> String {
    fields.iter().map(|field| format!("  {field}\n")).collect()
}
