//! `watchword events replay`.

use std::process::ExitCode;

use clap::Args;

use super::progress::Shown;
use super::selection::SelectionArgs;
use crate::app::commands::events::{ReplayName, ReplayOrder, ReplayProgress, ReplayTarget, Replayed, replay};
use crate::app::{AppError, stop_on_signals};
use crate::cli::{confirmed, print};
use crate::config::Settings;

/// Arguments of `events replay`.
#[derive(Debug, Args)]
#[command(after_help = "\
Without --everyone nobody sees the copies who does not ask for them: they go to auth.replay.<name>.<event>, in the stream \
of the event stream's name with -replays. Ctrl-C interrupts a replay; the same command with its --name goes on with it.

Example: watchword events replay --name mailer --type registered --from 2026-11-01T00:00:00Z --rate 500")]
pub(in crate::cli) struct ReplayArgs {
    /// The replay's name: small letters, digits and hyphens. One that was interrupted goes on. Without it the time is the name
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    selection: SelectionArgs,
    /// The most events a second
    #[arg(long, value_name = "EVENTS", value_parser = clap::value_parser!(u32).range(1..))]
    rate: Option<u32>,
    /// Publish into the event stream itself: every subscriber gets the events once more
    #[arg(long)]
    everyone: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

impl ReplayArgs {
    pub(super) async fn run(self, settings: &Settings) -> Result<ExitCode, AppError> {
        let name = self.name.map(|name| name.parse::<ReplayName>()).transpose();
        let name = name.map_err(|error| AppError::Argument {
            what: "--name",
            problem: error.to_string(),
        })?;
        let selection = self.selection.parse()?;
        let target = if self.everyone {
            let stream = &settings.stream.name;
            confirmed(
                self.yes,
                &format!(
                    "Every subscriber of {stream} gets these events once more, and the oldest messages may have to go."
                ),
            )?;
            ReplayTarget::Everyone
        } else {
            ReplayTarget::Replays
        };
        let stop = stop_on_signals().map_err(|error| AppError::Argument {
            what: "signals",
            problem: error.to_string(),
        })?;
        let order = ReplayOrder {
            name,
            target,
            selection,
            rate: self.rate,
        };
        let mut shown = Shown::new("replaying");
        let replayed = replay(settings, order, &mut shown, &stop).await;
        shown.end();
        Ok(report(&replayed?))
    }
}

impl ReplayProgress for Shown {
    fn began(&mut self, name: &str, goes_on: bool) {
        let how = if goes_on { "goes on" } else { "begins" };
        self.say(&format!("replay {name} {how}; Ctrl-C interrupts it"));
    }

    fn trouble(&mut self, reason: &str) {
        self.say(&format!("{reason}; trying again"));
    }
}

fn report(replayed: &Replayed) -> ExitCode {
    let Replayed { replay, stream, done } = replayed;
    let (name, sent) = (&replay.name, replay.progress.sent);
    let total = replay.total.unwrap_or_default();
    let everyone = replay.target == ReplayTarget::Everyone;
    if !done {
        let flag = if everyone { " --everyone" } else { "" };
        print(&format!(
            "interrupted: {sent} of {total} events are in {stream}\ngo on with: watchword events replay --name {name}{flag}\n"
        ));
        return ExitCode::FAILURE;
    }
    print(&format!("replayed {sent} events into {stream}\n"));
    if replay.progress.refused > 0 {
        print(&format!(
            "left out {} that the stream would not take\n",
            replay.progress.refused
        ));
    }
    if !everyone {
        print(&format!(
            "read them    nats consumer add {stream} {name} --filter 'auth.replay.{name}.*' --pull --defaults\n\
             remove them  nats stream purge {stream} --subject 'auth.replay.{name}.*'\n"
        ));
    }
    ExitCode::SUCCESS
}
