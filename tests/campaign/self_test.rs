//! A campaign that finds nothing proves nothing unless it finds what is there: each seeded bug has
//! to be found.

use tokio::time::Instant;
use watchword::telemetry::SeededBug;

use super::args::{Args, NatsServers};
use super::report::say;
use super::rounds;

/// The faults under which a bug shows, where all of them together hide it for long: the more often
/// other things break, the less often these do.
struct Profile {
    faults: &'static [&'static str],
    nats: Option<NatsServers>,
    /// How often two faults happen together, in percent.
    together: Option<usize>,
}

const fn profile(bug: SeededBug) -> Profile {
    let all = Profile { faults: &[], nats: None, together: None };
    match bug {
        // Without a fence, a leader that wakes late publishes what its successor has published.
        SeededBug::NoFence => Profile { faults: &["instance-frozen"], ..all },
        // The stream is deleted, and its successor is found again at the next start.
        SeededBug::RefillTwice => Profile {
            faults: &["stream-deleted", "instance-killed"],
            nats: Some(NatsServers::One),
            ..all
        },
        SeededBug::FirstSeqReused => Profile {
            faults: &["stream-deleted"],
            nats: Some(NatsServers::One),
            ..all
        },
        // Only what was not published gets lost without an operator, whose restart would hide it.
        SeededBug::WatermarkKept => Profile {
            faults: &["postgres-promoted", "nats-killed", "nats-paused"],
            nats: Some(NatsServers::One),
            together: Some(100),
        },
        SeededBug::LaggingReplica => Profile {
            faults: &["nats-replica-behind"],
            nats: Some(NatsServers::Three),
            together: None,
        },
        _ => all,
    }
}

/// Puts each bug into the instances, and expects that the campaign finds it. Returns whether it
/// has.
pub(crate) async fn run(args: &Args) -> bool {
    if !cfg!(feature = "seeded-bugs") {
        say("the bugs are in builds with the feature seeded-bugs alone");
        return false;
    }
    let mut rows = Vec::new();
    let mut are_all_found = true;
    for bug in SeededBug::ALL.into_iter().filter(|bug| args.seeded_bug.is_none_or(|only| only == *bug)) {
        let Profile { faults, nats, together } = profile(bug);
        let args = Args {
            faults: faults.iter().map(ToString::to_string).collect(),
            nats: nats.or(args.nats),
            together: together.unwrap_or(args.together),
            even: args.even || !faults.is_empty(),
            seeded_bug: Some(bug),
            ..args.clone()
        };
        say(&format!("with the bug {}", bug.name()));
        let start = Instant::now();
        let (_, found) = rounds(&args).await;
        let seconds = start.elapsed().as_secs();
        are_all_found &= found.is_some();
        rows.push(match found {
            Some(first) => format!("| {} | {seconds} s | {first} |", bug.name()),
            None => format!("| {} | not found in {seconds} s | |", bug.name()),
        });
    }
    say("\n| bug | found after | by |\n|---|---|---|");
    rows.iter().for_each(|row| say(row));
    are_all_found
}
