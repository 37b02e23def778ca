//! Measures the service against the limits of the machine, in one run: every number in
//! `docs/PERFORMANCE.md`.
//!
//! `make bench` builds and runs all measurements; `make bench ARGS="relay latency"` runs some. The
//! program starts and stops what it needs on free loopback ports: PostgreSQL and nats-server with
//! their durable settings, and the release binary.

mod bare;
mod bare_batches;
mod bulk;
mod client;
mod clock;
mod footprint;
mod get_latency;
mod hostile;
mod introspect;
mod kit;
mod lanes;
mod latency;
mod ledger;
mod limits;
mod me;
mod partitions;
mod passwords;
mod queries;
mod refresh;
mod relay;
mod replay;
mod report;
mod rig;
mod sizes;
mod sse;
mod stats;
mod users;
mod verify;
mod wrk;

use std::process::ExitCode;

use report::Row;

/// An error ends the measurement.
type Failure = Box<dyn std::error::Error + Send + Sync>;
type Outcome<T> = Result<T, Failure>;

const ALL: &[&str] = &[
    "passwords",
    "me",
    "introspect",
    "verify",
    "refresh",
    "limits",
    "relay",
    "replay",
    "kit",
    "latency",
    "sse",
    "queries",
    "users",
    "sizes",
    "lanes",
    "partitions",
    "footprint",
    "flood",
    "slow",
    "resets",
    "soak",
];

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [bare, port, size] = arguments.as_slice()
        && bare == "bare"
    {
        return ended(bare::serve(port, size).await);
    }
    if let Some(unknown) = arguments.iter().find(|name| !ALL.contains(&name.as_str())) {
        report::note(&format!("unknown measurement: {unknown}\nusage: watchword-bench [{}]", ALL.join("] [")));
        return ExitCode::FAILURE;
    }
    ended(measure(&arguments).await)
}

async fn measure(chosen: &[String]) -> Outcome<()> {
    report::head();
    for &name in ALL.iter().filter(|name| chosen.is_empty() || chosen.iter().any(|chosen| chosen == *name)) {
        report::note(&format!("== {name}"));
        let rows: Vec<Row> = match name {
            "passwords" => passwords::measure().await?,
            "me" => me::measure().await?,
            "introspect" => introspect::measure().await?,
            "verify" => verify::measure().await?,
            "refresh" => refresh::measure().await?,
            "limits" => limits::measure().await?,
            "relay" => relay::measure().await?,
            "replay" => replay::measure().await?,
            "kit" => kit::measure().await?,
            "latency" => latency::measure().await?,
            "sse" => sse::measure().await?,
            "queries" => queries::measure().await?,
            "users" => users::measure().await?,
            "flood" => hostile::flood::measure().await?,
            "slow" => hostile::slow::measure().await?,
            "resets" => hostile::resets::measure().await?,
            "soak" => hostile::soak::measure().await?,
            "sizes" => sizes::measure().await?,
            "lanes" => lanes::measure().await?,
            "partitions" => partitions::measure().await?,
            _ => footprint::measure().await?,
        };
        rows.iter().for_each(Row::print);
    }
    Ok(())
}

fn ended(outcome: Outcome<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report::note(&format!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}
