//! Replays requested over HTTP or by the command for everyone, run in sequence by the instance that
//! gets the lock.

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use super::run::{ReplayEnd, ReplayParts, replay};
use crate::relay::publish::copies::CopyQueue;
use crate::relay::status::RelayStatus;
use crate::{
    domain::{clock::Clock, replay::ReplayTarget},
    jetstream::{JetStreamPublisher, ReplayPublisher},
    store::{Ledger, Replay, StoreError},
    telemetry::{self, Recurring, error_chain},
};

/// Between two checks for a replay to run.
const POLL_INTERVAL: Duration = Duration::from_secs(2);

#[derive(Clone)]
pub struct ReplayJobParts {
    pub ledger: Ledger,
    pub publisher: JetStreamPublisher,
    pub clock: Arc<dyn Clock>,
    /// Whether the relay of this instance leads: only there copies for everyone are published.
    pub status: watch::Receiver<RelayStatus>,
    pub copies: CopyQueue,
    /// Cancelled when the service stops. Another instance, or the next start, continues.
    pub shutdown: CancellationToken,
}

/// Run replays until the shutdown.
pub fn spawn_replay_jobs(parts: ReplayJobParts) -> JoinHandle<()> {
    telemetry::spawn("replays", async move {
        let failures = Recurring::new("replays cannot be looked for");
        while !parts.shutdown.is_cancelled() {
            match run_next(&parts).await {
                Ok(()) => failures.succeeded(),
                Err(error) => failures.failed(&error),
            }
            tokio::select! {
                () = tokio::time::sleep(POLL_INTERVAL) => {}
                () = parts.shutdown.cancelled() => {}
            }
        }
    })
}

async fn run_next(parts: &ReplayJobParts) -> Result<(), StoreError> {
    let Some(waiting) = parts.ledger.replay_to_run().await? else {
        return Ok(());
    };
    if !parts.may_run(&waiting) {
        return Ok(());
    }
    let Some(lock) = parts.ledger.try_acquire_replay_lease().await? else {
        return Ok(());
    };
    // The instance that had the lock may have continued or finished it since the first check.
    let Some(mut found) = parts.ledger.replay_to_run().await?.filter(|found| parts.may_run(found)) else {
        return Ok(());
    };
    let publisher = match ReplayPublisher::new(&parts.publisher, &found.name, found.target) {
        Ok(publisher) => publisher,
        Err(error) => {
            tracing::error!(%error, "replay cannot be published");
            return Ok(());
        }
    };
    tracing::info!(replay = found.name, sent = found.progress.sent, "replay started on this instance");
    let for_everyone = found.target == ReplayTarget::Everyone;
    let stop = parts.shutdown.child_token();
    let lost_lead = for_everyone.then(|| stop_with_the_lead(parts.status.clone(), stop.clone()));
    let mut run = ReplayParts {
        ledger: parts.ledger.clone(),
        publisher,
        copies: for_everyone.then(|| parts.copies.clone()),
        clock: parts.clock.clone(),
        lock,
        stop: stop.clone(),
    };
    let ended = replay(&mut run, &mut found, &mut |_| {}).await;
    stop.cancel();
    if let Some(lost_lead) = lost_lead {
        let _ = lost_lead.await;
    }
    let done = match ended {
        Ok(end) => end == ReplayEnd::Done,
        Err(error) => {
            tracing::warn!(replay = found.name, error = %error_chain(&error), "replay interrupted; retrying");
            return Err(error);
        }
    };
    tracing::info!(replay = found.name, sent = found.progress.sent, done, "replay ended on this instance");
    Ok(())
}

impl ReplayJobParts {
    fn may_run(&self, replay: &Replay) -> bool {
        replay.target == ReplayTarget::Replays || self.status.borrow().leading
    }
}

/// Interrupt the replay when this instance no longer leads: the one that does continues it.
fn stop_with_the_lead(mut status: watch::Receiver<RelayStatus>, stop: CancellationToken) -> JoinHandle<()> {
    telemetry::spawn("replay-lead", async move {
        tokio::select! {
            _ = status.wait_for(|status| !status.leading) => stop.cancel(),
            () = stop.cancelled() => {}
        }
    })
}
