//! `watchword events verify`.

use std::fmt::Write as _;
use std::process::ExitCode;

use super::progress::ProgressView;
use crate::app::AppError;
use crate::app::commands::events::{Difference, Finding, Findings, verify};
use crate::cli::{counted, print};
use crate::config::Settings;

/// Maximum number of printed findings of a kind.
const MAX_PRINTED: usize = 20;

pub(super) async fn run(settings: &Settings) -> Result<ExitCode, AppError> {
    let mut view = ProgressView::new("Comparing");
    let findings = verify(settings, &mut view).await;
    view.end();
    let findings = findings?;
    print(&report(&settings.stream.name, &findings));
    Ok(if findings.agree() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn report(stream: &str, findings: &Findings) -> String {
    let (first, last) = findings.sequences;
    let mut text = format!(
        "stream        {stream}: {}, sequences {first} to {last}\nin place      {}\n",
        counted(findings.messages, "message"),
        findings.in_place
    );
    for (name, count) in [
        ("unsettled", findings.unsettled),
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
