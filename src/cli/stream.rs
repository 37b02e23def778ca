//! `watchword stream apply|info|diff`.

use std::process::ExitCode;

use clap::Subcommand;

use super::print;
use crate::app::AppError;
use crate::app::commands::{self, Change, Field};
use crate::config::Settings;

/// Arguments of `stream`.
#[derive(Debug, Subcommand)]
pub(super) enum Stream {
    /// Create the stream, or update it to nats/streams/auth-events.json and the configuration
    Apply,
    /// Show the stream's state and configuration
    Info,
    /// Show how the stream differs from its definition; exits with 1 if it differs
    Diff,
}

impl Stream {
    pub(super) async fn run(self, settings: &Settings) -> Result<ExitCode, AppError> {
        match self {
            Self::Apply => apply(settings).await,
            Self::Info => info(settings).await,
            Self::Diff => diff(settings).await,
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

async fn info(settings: &Settings) -> Result<ExitCode, AppError> {
    let stream = commands::stream_info(settings).await?;
    let config = serde_json::to_string_pretty(&stream.config).unwrap_or_default();
    print(&format!(
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
        stream.leader.map(|leader| format!(", led by {leader}")).unwrap_or_default(),
        stream.server_version,
    ));
    Ok(ExitCode::SUCCESS)
}

async fn diff(settings: &Settings) -> Result<ExitCode, AppError> {
    let fields = commands::stream_diff(settings).await?;
    if fields.is_empty() {
        print(&format!("{} matches its definition.\n", settings.stream.name));
        return Ok(ExitCode::SUCCESS);
    }
    print(&table(&fields));
    Ok(ExitCode::FAILURE)
}

fn table(fields: &[Field]) -> String {
    fields.iter().map(|field| format!("  {field}\n")).collect()
}
