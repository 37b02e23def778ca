//! `watchword events adopt`.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use uuid::Uuid;

use super::progress::ProgressView;
use crate::app::AppError;
use crate::app::commands::events::{Adopted, LedgerGap, LedgerSeq, adopt};
use crate::cli::format::FormatArgs;
use crate::cli::{confirmed, counted};
use crate::config::Settings;

/// Maximum number of printed users of a kind.
const MAX_PRINTED: usize = 20;

/// Arguments of `events adopt`.
#[derive(Debug, Args)]
#[command(after_help = "\
For the state ledger_behind, after the restore of a backup or a failover that lost commits. Stop all instances \
first. The missing events get their own sequences back; events recorded since then move behind them. What they \
ended, sessions and accounts, is ended again. What cannot be restored is printed. Cursors that readers hold are \
refused afterwards.")]
pub(in crate::cli) struct AdoptArgs {
    /// Skip the confirmation
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    format: FormatArgs,
}

pub(super) async fn run(settings: &Settings, AdoptArgs { yes, format }: AdoptArgs) -> Result<ExitCode, AppError> {
    let mut view = ProgressView::new("Reading");
    let stream = &settings.stream.name;
    let result = adopt(settings, &mut view, |gap| {
        let events = counted(gap.adoption.missing.len() as u64, "event");
        confirmed(
            yes,
            &format!("The ledger takes in {events} of {stream}, and what was recorded since then moves behind."),
        )
    })
    .await;
    view.end();
    let (gap, adopted) = result?;
    let adopted = adopted.unwrap_or_default();
    let status = Status::of(stream, &gap, &adopted);
    format.print(&status, || report(&status));
    Ok(ExitCode::SUCCESS)
}

/// The result as JSON.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Status<'a> {
    stream: &'a str,
    changed: bool,
    /// Events that the ledger lacked.
    adopted: u64,
    first_seq: Option<LedgerSeq>,
    last_seq: Option<LedgerSeq>,
    moved: u64,
    ended_sessions: u64,
    disabled_users: u64,
    deleted_users: u64,
    /// Messages that name this ledger without the proof.
    unproven: bool,
    not_restored: Vec<NotRestored<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NotRestored<'a> {
    subject: &'a str,
    events: u64,
    user_ids: &'a BTreeSet<Uuid>,
}

impl<'a> Status<'a> {
    fn of(stream: &'a str, gap: &'a LedgerGap, adopted: &Adopted) -> Self {
        let events = &gap.adoption.missing;
        Self {
            stream,
            changed: !gap.is_empty(),
            adopted: events.len() as u64,
            first_seq: events.first().map(|event| event.seq),
            last_seq: events.last().map(|event| event.seq),
            moved: adopted.moved,
            ended_sessions: adopted.ended.sessions,
            disabled_users: adopted.ended.disabled,
            deleted_users: adopted.ended.deleted,
            unproven: gap.unproven,
            not_restored: gap
                .lost
                .iter()
                .map(|lost| NotRestored {
                    subject: &lost.subject,
                    events: lost.events,
                    user_ids: &lost.users,
                })
                .collect(),
        }
    }
}

fn report(status: &Status<'_>) -> String {
    let mut text = String::new();
    if status.unproven {
        text.push_str("Some messages name this ledger, and their marks were not made with this secret key.\n");
    }
    if !status.changed {
        text.push_str("The ledger lacks no event of the stream; nothing was changed.\n");
        return text;
    }
    // Writing to a string does not fail.
    let _ = match (status.first_seq, status.last_seq) {
        (Some(first), Some(last)) => writeln!(
            text,
            "Adopted {} of {}, ledger sequences {first} to {last}.",
            counted(status.adopted, "event"),
            status.stream
        ),
        _ => writeln!(text, "Raised the ledger's sequence above what is published."),
    };
    let _ = writeln!(
        text,
        "Moved {} behind.\nEnded {}, disabled {}, deleted {} again.",
        counted(status.moved, "event"),
        counted(status.ended_sessions, "session"),
        counted(status.disabled_users, "user"),
        counted(status.deleted_users, "user")
    );
    for lost in &status.not_restored {
        let _ = writeln!(text, "Not restored: {} {}, about", counted(lost.events, "event"), lost.subject);
        for user in lost.user_ids.iter().take(MAX_PRINTED) {
            let _ = writeln!(text, "  {user}");
        }
        let more = lost.user_ids.len().saturating_sub(MAX_PRINTED);
        if more > 0 {
            let _ = writeln!(text, "  … and {more} more");
        }
    }
    text
}
