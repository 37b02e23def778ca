//! `watchword events verify`.

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use time::OffsetDateTime;

use super::progress::ProgressView;
use crate::app::AppError;
use crate::app::commands::events::{Difference, Finding, Findings, StreamSeq, verify};
use crate::cli::format::FormatArgs;
use crate::cli::{counted, exit};
use crate::config::Settings;

/// Maximum number of printed findings of a kind.
const MAX_PRINTED: usize = 20;

/// Arguments of `events verify`.
#[derive(Debug, Args)]
pub(in crate::cli) struct VerifyArgs {
    /// Compare only messages stored at this time or later (RFC 3339)
    #[arg(long, value_name = "TIME", value_parser = super::selection::time)]
    since: Option<OffsetDateTime>,
    #[command(flatten)]
    format: FormatArgs,
}

pub(super) async fn run(settings: &Settings, VerifyArgs { since, format }: VerifyArgs) -> Result<ExitCode, AppError> {
    let mut view = ProgressView::new("Comparing");
    let findings = verify(settings, since, &mut view).await;
    view.end();
    let findings = findings?;
    let stream = &settings.stream.name;
    format.print(&Compared::of(stream, &findings), || report(stream, &findings));
    Ok(exit::same(findings.agree()))
}

/// The result as JSON. `findings` has at most a thousand of each kind.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Compared<'a> {
    stream: &'a str,
    same: bool,
    messages: u64,
    first_seq: StreamSeq,
    last_seq: StreamSeq,
    in_place: u64,
    unrouted: u64,
    replayed: u64,
    older: u64,
    waiting: u64,
    missing: u64,
    extra: u64,
    duplicate: u64,
    out_of_order: u64,
    findings: &'a [Finding],
}

impl<'a> Compared<'a> {
    fn of(stream: &'a str, findings: &'a Findings) -> Self {
        let (first_seq, last_seq) = findings.sequences;
        Self {
            stream,
            same: findings.agree(),
            messages: findings.messages,
            first_seq,
            last_seq,
            in_place: findings.in_place,
            unrouted: findings.unrouted,
            replayed: findings.replayed,
            older: findings.pruned,
            waiting: findings.waiting,
            missing: findings.count(Difference::Missing),
            extra: findings.count(Difference::Extra),
            duplicate: findings.count(Difference::Duplicate),
            out_of_order: findings.count(Difference::OutOfOrder),
            findings: findings.list(),
        }
    }
}

fn report(stream: &str, findings: &Findings) -> String {
    let (first, last) = findings.sequences;
    let mut text = format!(
        "stream        {stream}: {}, sequences {first} to {last}\nin place      {}\n",
        counted(findings.messages, "message"),
        findings.in_place
    );
    for (name, count) in [
        ("unrouted", findings.unrouted),
        ("replayed", findings.replayed),
        ("older", findings.pruned),
        ("waiting", findings.waiting),
    ] {
        if count > 0 {
            // Writing to a string does not fail.
            let _ = writeln!(text, "{name:<13} {count}");
        }
    }
    for difference in Difference::ALL {
        let count = findings.count(difference);
        let _ = writeln!(text, "{:<13} {count}", difference.to_string());
        let of_kind = findings.list().iter().filter(|finding| finding.difference == difference);
        of_kind.take(MAX_PRINTED).for_each(|finding| text.push_str(&line(finding)));
        if count > MAX_PRINTED as u64 {
            let _ = writeln!(text, "  … and {} more", count - MAX_PRINTED as u64);
        }
    }
    text.push_str(if findings.agree() {
        "The ledger and the stream agree.\n"
    } else {
        "The ledger and the stream differ.\n"
    });
    text
}

fn line(finding: &Finding) -> String {
    let ledger = finding
        .ledger_seq
        .map_or_else(|| "not in the ledger".to_owned(), |seq| format!("ledger {seq}"));
    format!(
        "  sequence {}  {}  {}  {ledger}\n",
        finding.stream_seq,
        finding.id.as_deref().unwrap_or("without an id"),
        finding.subject
    )
}
