//! The campaign of faults: clients use two instances of the service while everything around them
//! breaks, and what is left must be what the clients were told.
//!
//! A campaign consists of rounds. Each has its own servers and a seed, which decides what the
//! clients do, which faults happen, how long they last and how long it is quiet between them. It
//! does not decide the timing of processes, so a seed that has failed may have to be tried several
//! times. `docs/RELIABILITY.md` has the promises that are checked.
#![expect(clippy::expect_used, clippy::panic, reason = "a campaign that cannot go on has failed")]

mod args;
mod checker;
mod history;
mod machine;
mod nemesis;
mod random;
mod recovery;
mod report;
mod round;
#[expect(dead_code, reason = "tests/it uses the rest")]
mod support;
mod workload;
mod world;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use tokio::time::Instant;
use watchword::telemetry::SeededBug;

use args::Args;
use report::{Run, Summary, say};
use round::Plan;

/// The longest round: access tokens live for 15 minutes, and a round ends with checks.
const MAX_ROUND: f64 = 10.0;
/// A shorter rest of a campaign is no round.
const MIN_ROUND: Duration = Duration::from_secs(15);

fn main() -> ExitCode {
    let args = Args::parse();
    if args.libtest.list {
        say("campaign: test");
        return ExitCode::SUCCESS;
    }
    if args.libtest.skips() {
        return ExitCode::SUCCESS;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(campaign(&args))
}

async fn campaign(args: &Args) -> ExitCode {
    if args.self_test {
        return self_test(args).await;
    }
    let (seed, start) = (args.seed, Instant::now());
    let (mut summary, _) = rounds(args, seed, args.seeded_bug).await;
    summary.minutes = start.elapsed().as_secs_f64() / 60.0;
    let run = Run {
        commit: &args.commit,
        backend: format!("{:?}", args.backend).to_lowercase(),
        seed,
    };
    summary.print(&run);
    if let Some(file) = &args.record {
        summary.record(&run, file).expect("write the tables");
    }
    match summary.violations {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

/// Runs rounds until the time is up or one has found something, and returns what.
async fn rounds(args: &Args, seed: u64, bug: Option<SeededBug>) -> (Summary, Option<String>) {
    let until = Instant::now() + Duration::from_secs_f64(60.0 * args.minutes.max(0.0));
    let longest = Duration::from_secs_f64(60.0 * args.round.clamp(MIN_ROUND.as_secs_f64() / 60.0, MAX_ROUND));
    let mut summary = Summary::default();
    while summary.rounds == 0 || until.saturating_duration_since(Instant::now()) >= MIN_ROUND {
        let backend = args.backend_of(summary.rounds);
        let round = Plan {
            seed: seed.wrapping_add(summary.rounds as u64),
            backend,
            lasts: longest.min(until.saturating_duration_since(Instant::now()).max(MIN_ROUND)),
            kinds: args.kinds(backend),
            selected: args.faults.clone(),
            verbose: args.verbose,
            bug,
        };
        let report = round.run().await;
        summary.add(&report.tallies, report.findings, report.violations);
        if report.first.is_some() {
            return (summary, report.first);
        }
    }
    (summary, None)
}

/// Puts each bug into the instances, and expects that the campaign finds it.
async fn self_test(args: &Args) -> ExitCode {
    if !cfg!(feature = "seeded-bugs") {
        say("the bugs are in builds with the feature seeded-bugs alone");
        return ExitCode::FAILURE;
    }
    let mut rows = Vec::new();
    let mut are_all_found = true;
    for bug in SeededBug::ALL {
        say(&format!("with the bug {}", bug.name()));
        let start = Instant::now();
        let (_, found) = rounds(args, args.seed, Some(bug)).await;
        let seconds = start.elapsed().as_secs();
        are_all_found &= found.is_some();
        rows.push(match found {
            Some(first) => format!("| {} | {seconds} s | {first} |", bug.name()),
            None => format!("| {} | not found in {seconds} s | |", bug.name()),
        });
    }
    say("\n| bug | found after | by |\n|---|---|---|");
    rows.iter().for_each(|row| say(row));
    match are_all_found {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}
