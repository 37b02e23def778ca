//! Commands of the service's binary that run to their end.

use std::process::Command;
use std::time::{Duration, Instant};

use super::{Child, Rig, Scratch, binary};
use crate::Outcome;

const TIMEOUT: Duration = Duration::from_secs(300);

/// A command that succeeded.
pub(crate) struct Run {
    pub(crate) took: Duration,
    /// The peak memory.
    pub(crate) peak_mib: f64,
    /// What it printed.
    pub(crate) output: String,
}

/// Runs a command in the directory `scratch`, with the servers of `rig`.
pub(crate) async fn run(rig: &Rig, scratch: &Scratch, arguments: &[&str]) -> Outcome<Run> {
    let log = scratch.path().join("log");
    let mut command = Command::new(std::path::absolute(binary())?);
    command
        .args(arguments)
        .current_dir(scratch.path())
        .env("DATABASE_URL", rig.postgres.url())
        .env("NATS_URL", rig.nats.url())
        .env("WATCHWORD__DATA_DIR", rig.data_dir());
    let started = Instant::now();
    let mut child = Child::start(&mut command, &log)?;
    let mut peak_mib = 0.0;
    while !child.ended() {
        if started.elapsed() > TIMEOUT {
            return Err("a command does not end".into());
        }
        peak_mib = child.peak_mib().unwrap_or(peak_mib);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let took = started.elapsed();
    let output = std::fs::read_to_string(log)?;
    if child.succeeded() {
        return Ok(Run { took, peak_mib, output });
    }
    Err(output.into())
}
