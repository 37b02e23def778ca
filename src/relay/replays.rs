//! The replays that were asked for over HTTP, run one after the other by whichever instance gets the lock.

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::replay::{ReplayEnd, ReplayParts, replay};
use super::task::Clock;
use crate::{
    jetstream::{CopyPublisher, CopyTo, JetStreamPublisher},
    store::{Ledger, Replay, ReplayTarget, StoreError},
    telemetry::{self, causes},
};

/// How often an instance looks whether there is one to run.
const LOOK: Duration = Duration::from_secs(2);

/// What running replays needs.
#[derive(Clone)]
pub struct ReplaysParts {
    /// Where the events, and the replays, are.
    pub ledger: Ledger,
    /// The service's own connection.
    pub publisher: JetStreamPublisher,
    /// What time it is.
    pub now: Clock,
    /// Cancelled when the service stops. What is not done then is done after the next start, here or elsewhere.
    pub shutdown: CancellationToken,
}

/// Runs replays until the shutdown.
pub fn spawn(parts: ReplaysParts) -> JoinHandle<()> {
    telemetry::spawn("replays", async move {
        while !parts.shutdown.is_cancelled() {
            if let Err(error) = run_next(&parts).await {
                tracing::warn!(error = %causes(&error), "a replay was broken off; it goes on later");
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                () = parts.shutdown.cancelled() => {}
            }
        }
    })
}

async fn run_next(parts: &ReplaysParts) -> Result<(), StoreError> {
    if parts.ledger.replay_to_run().await?.is_none() {
        return Ok(());
    }
    let Some(lock) = parts.ledger.try_acquire_replay_lease().await? else {
        return Ok(());
    };
    // Whoever had the lock may have got on, or to the end, since the first look.
    let Some(mut found) = parts.ledger.replay_to_run().await? else {
        return Ok(());
    };
    let publisher = match publisher(parts, &found) {
        Ok(publisher) => publisher,
        Err(error) => {
            tracing::error!(%error, "copies cannot be published");
            return Ok(());
        }
    };
    tracing::info!(
        replay = found.name,
        sent = found.progress.sent,
        "a replay runs on this instance"
    );
    let mut parts = ReplayParts {
        ledger: parts.ledger.clone(),
        publisher,
        now: parts.now.clone(),
        lock,
        stop: parts.shutdown.clone(),
    };
    let end = replay(&mut parts, &mut found, &mut |_| {}).await?;
    let done = end == ReplayEnd::Done;
    tracing::info!(
        replay = found.name,
        sent = found.progress.sent,
        done,
        "a replay has ended here"
    );
    Ok(())
}

fn publisher(parts: &ReplaysParts, replay: &Replay) -> Result<CopyPublisher, crate::jetstream::NatsError> {
    CopyPublisher::new(&parts.publisher, &replay.name, copy_to(replay.target))
}

/// The stream that a target means.
#[must_use]
pub const fn copy_to(target: ReplayTarget) -> CopyTo {
    match target {
        ReplayTarget::Replays => CopyTo::Replays,
        ReplayTarget::Everyone => CopyTo::Everyone,
    }
}
