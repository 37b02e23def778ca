//! `watchword events replay`.

use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use uuid::Uuid;

use super::progress::ProgressView;
use super::selection::SelectionArgs;
use crate::app::commands::events::{ReplayName, ReplayOrder, ReplayProgress, ReplayTarget, Replayed, replay};
use crate::app::{AppError, stop_on_signals};
use crate::cli::exit::INTERRUPTED;
use crate::cli::format::FormatArgs;
use crate::cli::{confirmed, counted};
use crate::config::Settings;

/// Arguments of `events replay`.
#[derive(Debug, Args)]
#[command(after_help = "\
Without --everyone, copies go to a separate stream that consumers opt in to: its name is that of the event stream with \
-replays, the subjects are auth.replay.<name>.<event>. Ctrl-C interrupts a replay; the same --name resumes it.

Example: watchword events replay --name mailer --subject registered --from 2026-11-01T00:00:00Z --rate 500")]
pub(in crate::cli) struct ReplayArgs {
    /// Name of the replay: lower-case letters, digits and hyphens. The name of an interrupted
    /// replay resumes it. Default: the current time
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    selection: SelectionArgs,
    /// Maximum number of events per second
    #[arg(long, value_name = "EVENTS", value_parser = clap::value_parser!(u32).range(1..))]
    rate: Option<u32>,
    /// Publish into the event stream itself: every subscriber receives the events again
    #[arg(long)]
    everyone: bool,
    /// Skip the confirmation
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    format: FormatArgs,
}

impl ReplayArgs {
    pub(super) async fn run(self, settings: &Settings) -> Result<ExitCode, AppError> {
        let name = self.name.map(|name| name.parse::<ReplayName>()).transpose();
        let name = name.map_err(|error| AppError::argument("--name", error))?;
        let selection = self.selection.parse()?;
        let target = if self.everyone {
            let stream = &settings.stream.name;
            confirmed(
                self.yes,
                &format!(
                    "Every subscriber of {stream} receives these events again, and the stream may discard its oldest messages."
                ),
            )?;
            ReplayTarget::Everyone
        } else {
            ReplayTarget::Replays
        };
        let stop = stop_on_signals()?;
        let order = ReplayOrder { name, target, selection, rate: self.rate };
        let mut view = ProgressView::new("Replaying");
        let replayed = replay(settings, order, &mut view, &stop).await;
        view.end();
        let replayed = replayed?;
        self.format.print(&Status::of(&replayed), || report(&replayed));
        Ok(if replayed.done {
            ExitCode::SUCCESS
        } else {
            ExitCode::from(INTERRUPTED)
        })
    }
}

impl ReplayProgress for ProgressView {
    fn began(&mut self, name: &str, goes_on: bool) {
        let how = if goes_on { "Resumed" } else { "Started" };
        self.say(&format!("{how} replay {name}; Ctrl-C interrupts it."));
    }

    fn handed_over(&mut self, name: &str) {
        self.say(&format!(
            "The service runs replay {name}; Ctrl-C ends the watching, and the service goes on."
        ));
    }

    fn trouble(&mut self, reason: &str) {
        self.say(&format!("{reason}; retrying"));
    }
}

/// The result as JSON.
#[derive(Serialize)]
struct Status<'a> {
    id: Uuid,
    name: &'a str,
    target: &'static str,
    /// The stream of the copies.
    stream: &'a str,
    state: &'static str,
    /// Absent when the replay was interrupted before its events were counted.
    total: Option<u64>,
    sent: u64,
    refused: u64,
}

impl<'a> Status<'a> {
    fn of(Replayed { replay, stream, .. }: &'a Replayed) -> Self {
        Self {
            id: replay.id,
            name: &replay.name,
            target: replay.target.as_str(),
            stream,
            state: replay.state.as_str(),
            total: replay.total,
            sent: replay.progress.sent,
            refused: replay.progress.refused,
        }
    }
}

fn report(replayed: &Replayed) -> String {
    let Replayed { replay, stream, done } = replayed;
    let (name, sent) = (&replay.name, replay.progress.sent);
    let total = replay.total.unwrap_or_default();
    let everyone = replay.target == ReplayTarget::Everyone;
    if !done {
        let sent = format!("{sent} of {total} events are in {stream}.");
        return if everyone {
            format!("{sent} The service goes on.\nTo watch: watchword events replay --name {name} --everyone\n")
        } else {
            format!("Interrupted: {sent}\nTo resume: watchword events replay --name {name}\n")
        };
    }
    let mut text = format!("Replayed {} into {stream}.\n", counted(sent, "event"));
    if replay.progress.refused > 0 {
        let refused = counted(replay.progress.refused, "event");
        text.push_str(&format!("Skipped {refused} that the stream refused.\n"));
    }
    if !everyone {
        text.push_str(&format!(
            "To read them:    nats consumer add {stream} {name} --filter 'auth.replay.{name}.*' --pull --defaults\n\
             To delete them:  nats stream purge {stream} --subject 'auth.replay.{name}.*'\n"
        ));
    }
    text
}
