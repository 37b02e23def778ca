//! What an operator does when the ledger lacks published events: `watchword events adopt`.

use std::time::Duration;

use super::history::History;
use super::instance::Start;
use super::support::binary::run as run_command;
use super::support::wait::within;
use super::world::World;

/// How long instances may take to stop.
const STOP_TIMEOUT: Duration = Duration::from_secs(60);
/// How long the database may hold the lease of a leader that has ended.
const LEASE_TIMEOUT: Duration = Duration::from_secs(20);
/// The exit code while an instance leads.
const LED: i32 = 4;

/// Whether an instance says that the ledger is behind.
pub(crate) async fn is_behind(world: &World) -> bool {
    for instance in &world.instances {
        let readiness = instance.readiness().await;
        if readiness.is_some_and(|(_, text)| text.contains("the ledger is behind")) {
            return true;
        }
    }
    false
}

/// Stops all instances, lets the ledger adopt the events, and starts the instances.
pub(crate) async fn run(world: &mut World, history: &History) {
    history.note("the ledger is behind; adopting events".to_owned());
    for (number, instance) in world.instances.iter_mut().enumerate() {
        instance.is_down = true;
        if !instance.binary.process().is_running() {
            continue;
        }
        instance.binary.terminate();
        let process = instance.binary.process();
        let ended = within(STOP_TIMEOUT, || {
            let status = process.exited();
            async move { status }
        });
        if ended.await.is_err() {
            history.violated(format!("instance {number} has not stopped within {STOP_TIMEOUT:?}"), &[]);
            instance.kill();
        }
    }
    if let Some(mut options) = world.instances.first().map(|instance| instance.options.clone()) {
        options.args = ["events", "adopt", "--yes", "--format", "json"].map(str::to_owned).to_vec();
        let adopted = within(LEASE_TIMEOUT, || async {
            let ended = run_command(options.clone(), "").await;
            match ended.status.code() {
                Some(LED) => Err(ended),
                _ => Ok(ended),
            }
        });
        match adopted.await {
            Ok(ended) if ended.status.success() => history.note(format!("adopted: {}", ended.stdout.trim())),
            Ok(ended) => history.violated(format!("adopting failed: {ended:?}"), &[]),
            Err(reason) => history.violated(format!("an instance leads that has stopped: {reason}"), &[]),
        }
    }
    for instance in &mut world.instances {
        instance.start_again(&Start::Plain);
    }
}
