//! What a run prints, and the tables that it adds to.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use crate::checker::Findings;
use crate::history::History;
use crate::nemesis::Tally;
use crate::nemesis::fault::Kind;

/// How many violations are printed.
const MAX_SHOWN: usize = 40;
/// The comment in front of the table of faults, and of the table of runs.
const FAULTS: &str = "<!-- faults: written by the campaign -->";
const RUNS: &str = "<!-- runs: written by the campaign -->";

/// The sum of all rounds.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    pub(crate) rounds: usize,
    pub(crate) minutes: f64,
    pub(crate) tallies: BTreeMap<&'static str, Tally>,
    pub(crate) findings: Findings,
    pub(crate) violations: usize,
}

/// What names a run in the tables.
pub(crate) struct Run<'a> {
    pub(crate) commit: &'a str,
    pub(crate) backend: String,
    pub(crate) seed: u64,
}

impl Summary {
    /// Adds a round.
    pub(crate) fn add(&mut self, tallies: &BTreeMap<&'static str, Tally>, findings: Findings, violations: usize) {
        self.rounds += 1;
        self.violations += violations;
        self.findings.events += findings.events;
        self.findings.operations += findings.operations;
        self.findings.lost += findings.lost;
        self.findings.doubled += findings.doubled;
        self.findings.out_of_order += findings.out_of_order;
        for (name, tally) in tallies {
            let sum = self.tallies.entry(*name).or_default();
            sum.count += tally.count;
            sum.longest_recovery = sum.longest_recovery.max(tally.longest_recovery);
        }
    }

    fn kills(&self) -> u64 {
        let names = Kind::all().into_iter().filter(|kind| kind.is_kill()).map(Kind::name);
        names.filter_map(|name| self.tallies.get(name)).map(|tally| tally.count).sum()
    }

    /// Returns the row of the run.
    fn row(&self, run: &Run<'_>) -> String {
        let faults: u64 = self.tallies.values().map(|tally| tally.count).sum();
        let longest = self.tallies.values().map(|tally| tally.longest_recovery).max().unwrap_or_default();
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let Findings { events, operations, lost, doubled, out_of_order } = self.findings;
        format!(
            "| {} | {} | {} | {cores} cores | {:.0} | {} | {} | {operations} | {events} | {lost} | {doubled} | \
             {out_of_order} | {} | {} |",
            run.seed,
            run.commit,
            run.backend,
            self.minutes,
            self.kills(),
            faults - self.kills(),
            self.violations,
            seconds(longest),
        )
    }

    /// Prints the run.
    pub(crate) fn print(&self, run: &Run<'_>) {
        say("");
        say("| fault | injected | longest recovery |");
        say("|---|---:|---:|");
        for (name, tally) in &self.tallies {
            say(&fault_row(name, *tally));
        }
        say("");
        say(
            "| seed | commit | backend | machine | minutes | kills | other faults | operations | events | lost | \
             doubled | out of order | violations | longest recovery |",
        );
        say("|---|---|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|");
        say(&self.row(run));
    }

    /// Adds the run to the tables of a document.
    pub(crate) fn record(&self, run: &Run<'_>, file: &Path) -> std::io::Result<()> {
        let text = std::fs::read_to_string(file)?;
        let text = with_row(&self.with_faults(&text), &self.row(run));
        std::fs::write(file, text)
    }

    /// Adds up the table of faults.
    fn with_faults(&self, text: &str) -> String {
        let mut sums: BTreeMap<String, Tally> = BTreeMap::new();
        for (name, tally) in &self.tallies {
            sums.insert((*name).to_owned(), *tally);
        }
        let (before, rows, after) = table(text, FAULTS);
        for row in rows {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            let [_, name, count, longest, ..] = cells.as_slice() else {
                continue;
            };
            let sum = sums.entry((*name).to_owned()).or_default();
            sum.count += count.parse::<u64>().unwrap_or(0);
            let longest = longest.trim_end_matches(" s").parse::<f64>().unwrap_or(0.0);
            sum.longest_recovery = sum.longest_recovery.max(Duration::from_secs_f64(longest));
        }
        let rows = sums
            .iter()
            .fold(String::new(), |rows, (name, tally)| rows + &fault_row(name, *tally) + "\n");
        before + &rows + after
    }
}

/// Adds a row to the table of runs.
fn with_row(text: &str, row: &str) -> String {
    let (before, rows, after) = table(text, RUNS);
    let rows = rows.iter().fold(String::new(), |rows, row| rows + row + "\n");
    before + &rows + row + "\n" + after
}

/// Splits a document into what is before the rows of a table, the rows, and the rest.
fn table<'a>(text: &'a str, mark: &str) -> (String, Vec<&'a str>, &'a str) {
    let Some(at) = text.find(mark) else {
        return (text.to_owned(), Vec::new(), "");
    };
    let (before, rest) = text.split_at(at);
    let lines: Vec<&str> = rest.split_inclusive('\n').collect();
    // The mark, an empty line, the head and its rule.
    let (head, body) = lines.split_at(lines.len().min(4));
    let rows: Vec<&str> = body.iter().take_while(|line| line.starts_with('|')).map(|line| line.trim_end()).collect();
    let skipped: usize = head.iter().chain(body.iter().take(rows.len())).map(|line| line.len()).sum();
    (before.to_owned() + &head.concat(), rows, rest.get(skipped..).unwrap_or_default())
}

fn fault_row(name: &str, tally: Tally) -> String {
    format!("| {name} | {} | {} |", tally.count, seconds(tally.longest_recovery))
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

/// Prints what a round has found: the violations, and the history of the users concerned.
pub(crate) fn failures(history: &History, replay: &str) {
    let violations = history.violations();
    let mut text = format!("\n{} violations; replay with {replay}\n", violations.len());
    let mut users: Vec<String> = Vec::new();
    for violation in violations.iter().take(MAX_SHOWN) {
        let _ = writeln!(text, "{:7.3}  {}", violation.at.as_secs_f64(), violation.what);
        users.extend(violation.users.iter().cloned());
    }
    users.sort_unstable();
    users.dedup();
    let _ = writeln!(text, "\nhistory of {users:?}:\n{}", history.transcript(&users));
    say(&text);
}

#[expect(clippy::print_stdout, reason = "the campaign is a program")]
pub(crate) fn say(text: &str) {
    println!("{text}");
}
