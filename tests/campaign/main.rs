//! The campaign of faults: clients use two instances of the service while everything around them
//! breaks, and what is left must be what the clients were told.
//!
//! A campaign consists of rounds. Each has its own servers and a seed, which decides what the
//! clients do, which faults happen, how long they last and how long it is quiet between them. It
//! does not decide the timing of processes, so a seed that has failed may have to be tried several
//! times. `docs/RELIABILITY.md` has the promises that are checked.
#![expect(clippy::expect_used, clippy::panic, reason = "a campaign that cannot go on has failed")]

mod adopt;
mod args;
mod broker;
mod checker;
mod history;
mod instance;
mod losses;
mod machine;
mod nemesis;
mod random;
mod recovery;
mod report;
mod round;
mod self_test;
#[expect(dead_code, reason = "tests/it uses the rest")]
mod support;
mod workload;
mod world;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use tokio::time::Instant;

use args::Args;
use instance::faketime;
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
        return match self_test::run(args).await {
            true => ExitCode::SUCCESS,
            false => ExitCode::FAILURE,
        };
    }
    if faketime().is_none() {
        say("skipped: clocks-apart, which needs libfaketime (apt-get install faketime)");
    }
    let start = Instant::now();
    let (mut summary, _) = rounds(args).await;
    summary.minutes = start.elapsed().as_secs_f64() / 60.0;
    let run = Run {
        commit: &args.commit,
        backend: format!("{:?}", args.backend).to_lowercase(),
        seed: args.seed,
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
async fn rounds(args: &Args) -> (Summary, Option<String>) {
    let until = Instant::now() + Duration::from_secs_f64(60.0 * args.minutes.max(0.0));
    let longest = Duration::from_secs_f64(60.0 * args.round.clamp(MIN_ROUND.as_secs_f64() / 60.0, MAX_ROUND));
    let mut summary = Summary::default();
    while summary.rounds == 0 || until.saturating_duration_since(Instant::now()) >= MIN_ROUND {
        let seed = args.seed.wrapping_add(summary.rounds as u64);
        let setting = args.setting_of(summary.rounds, seed);
        let round = Plan {
            seed,
            setting,
            lasts: longest.min(until.saturating_duration_since(Instant::now()).max(MIN_ROUND)),
            kinds: args.kinds(setting),
            selected: args.faults.clone(),
            together: args.together,
            even: args.even,
            verbose: args.verbose,
            bug: args.seeded_bug,
        };
        let report = round.run().await;
        summary.add(&report.tallies, report.findings, report.violations);
        if report.first.is_some() {
            return (summary, report.first);
        }
    }
    (summary, None)
}
