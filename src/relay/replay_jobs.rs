//! Replays requested over HTTP, run in sequence by the instance that gets the lock.

use std::{sync::Arc, time::Duration};

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::replay::{ReplayEnd, ReplayParts, replay};
use crate::{
    domain::clock::Clock,
    jetstream::{JetStreamPublisher, NatsError, ReplayPublisher},
    store::{Ledger, Replay, StoreError},
    telemetry::{self, error_chain},
};

/// Between two checks for a replay to run.
const POLL_INTERVAL: Duration = Duration::from_secs(2);

#[derive(Clone)]
pub struct ReplayJobParts {
    pub ledger: Ledger,
    pub publisher: JetStreamPublisher,
    pub clock: Arc<dyn Clock>,
    /// Cancelled when the service stops. Another instance, or the next start, continues.
    pub shutdown: CancellationToken,
}

/// Run replays until the shutdown.
pub fn spawn_replay_jobs(parts: ReplayJobParts) -> JoinHandle<()> {
    telemetry::spawn("replays", async move {
        while !parts.shutdown.is_cancelled() {
            if let Err(error) = run_next(&parts).await {
                tracing::warn!(error = %error_chain(&error), "replay interrupted; retrying");
            }
            tokio::select! {
                () = tokio::time::sleep(POLL_INTERVAL) => {}
                () = parts.shutdown.cancelled() => {}
            }
        }
    })
}

async fn run_next(parts: &ReplayJobParts) -> Result<(), StoreError> {
    if parts.ledger.replay_to_run().await?.is_none() {
        return Ok(());
    }
    let Some(lock) = parts.ledger.try_acquire_replay_lease().await? else {
        return Ok(());
    };
    // The instance that had the lock may have continued or finished it since the first check.
    let Some(mut found) = parts.ledger.replay_to_run().await? else {
        return Ok(());
    };
    let publisher = match publisher(parts, &found) {
        Ok(publisher) => publisher,
        Err(error) => {
            tracing::error!(%error, "replay cannot be published");
            return Ok(());
        }
    };
    tracing::info!(replay = found.name, sent = found.progress.sent, "replay started on this instance");
    let mut parts = ReplayParts {
        ledger: parts.ledger.clone(),
        publisher,
        clock: parts.clock.clone(),
        lock,
        stop: parts.shutdown.clone(),
    };
    let end = replay(&mut parts, &mut found, &mut |_| {}).await?;
    let done = end == ReplayEnd::Done;
    tracing::info!(replay = found.name, sent = found.progress.sent, done, "replay ended on this instance");
    Ok(())
}

fn publisher(parts: &ReplayJobParts, replay: &Replay) -> Result<ReplayPublisher, NatsError> {
    ReplayPublisher::new(&parts.publisher, &replay.name, replay.target)
}
