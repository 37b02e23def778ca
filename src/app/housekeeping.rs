//! Rounds that keep the service tidy while it runs: signing keys every minute, old rows every hour, counts every few seconds.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::actions::{Auth, rotate_keys};
use crate::store::{Store, StoreError};
use crate::telemetry::causes;

/// How often signing keys are looked after: a key that another instance made is known everywhere long before it signs.
const KEY_ROUND: Duration = Duration::from_secs(60);

/// How often rows that nobody needs any more are deleted.
const PRUNE_ROUND: Duration = Duration::from_secs(3600);

/// How often events are counted into their hours; what is newer is counted when somebody asks.
const COUNT_ROUND: Duration = Duration::from_secs(5);

/// Rows deleted in one statement, so that none holds locks for long.
const PRUNE_BATCH: u64 = 1000;

/// How long it stays known what became of a mail.
const FINISHED_MAILS: time::Duration = time::Duration::days(7);

/// How long an ended session stays in the database.
const ENDED_SESSIONS: time::Duration = time::Duration::days(30);

/// Rotates signing keys, and loads those of other instances, until `stop`.
pub(super) async fn rotate_signing_keys(auth: Arc<Auth>, stop: CancellationToken) {
    while rests(KEY_ROUND, &stop).await {
        if let Err(error) = rotate_keys::run(&auth).await {
            tracing::error!(error = %causes(&error), "signing keys could not be looked after");
        }
    }
}

/// Deletes events past their retention and sessions that ended long ago, until `stop`.
pub(super) async fn prune(auth: Arc<Auth>, retention: Duration, stop: CancellationToken) {
    while rests(PRUNE_ROUND, &stop).await {
        let now = auth.clock.now();
        let events_before = now - time::Duration::try_from(retention).unwrap_or(time::Duration::MAX);
        match prune_once(&auth.store, events_before, now - ENDED_SESSIONS, &stop).await {
            Ok((0, 0)) => {}
            Ok((events, sessions)) => tracing::info!(events, sessions, "old rows deleted"),
            Err(error) => tracing::warn!(error = %causes(&error), "old rows could not be deleted"),
        }
        if let Err(error) = prune_mail(&auth.store, now, &stop).await {
            tracing::warn!(error = %causes(&error), "old mails could not be deleted");
        }
    }
}

/// Deletes codes that are over and mails that are done with.
async fn prune_mail(store: &Store, now: time::OffsetDateTime, stop: &CancellationToken) -> Result<(), StoreError> {
    while !stop.is_cancelled() && store.prune_codes(now, PRUNE_BATCH).await? == PRUNE_BATCH {}
    while !stop.is_cancelled() && store.prune_mails(now - FINISHED_MAILS, PRUNE_BATCH).await? == PRUNE_BATCH {}
    Ok(())
}

/// Counts events into their hours, until `stop`.
pub(super) async fn count_events(store: Store, stop: CancellationToken) {
    while rests(COUNT_ROUND, &stop).await {
        loop {
            match store.ledger().count_up().await {
                Ok(true) if !stop.is_cancelled() => {}
                Ok(_) => break,
                Err(error) => {
                    tracing::warn!(error = %causes(&error), "events could not be counted");
                    break;
                }
            }
        }
    }
}

async fn prune_once(
    store: &Store,
    events_before: time::OffsetDateTime,
    sessions_before: time::OffsetDateTime,
    stop: &CancellationToken,
) -> Result<(u64, u64), StoreError> {
    let (mut events, mut next) = (0, Some(0));
    while let Some(after) = next.filter(|_| !stop.is_cancelled()) {
        let pruned = store.ledger().prune(events_before, after, PRUNE_BATCH).await?;
        events += pruned.deleted;
        next = pruned.next;
    }
    store.ledger().prune_counts(events_before).await?;
    let mut sessions = 0;
    while !stop.is_cancelled() {
        let deleted = store.prune_sessions(sessions_before, PRUNE_BATCH).await?;
        sessions += deleted;
        if deleted < PRUNE_BATCH {
            break;
        }
    }
    Ok((events, sessions))
}

/// Waits; false when it is time to stop.
async fn rests(pause: Duration, stop: &CancellationToken) -> bool {
    tokio::select! {
        () = stop.cancelled() => false,
        () = tokio::time::sleep(pause) => true,
    }
}
