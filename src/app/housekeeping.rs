//! Rounds that keep the service tidy while it runs: signing keys every minute, old rows every hour, deleted accounts every
//! minute, counts every few seconds.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::actions::{Auth, erase_accounts, rotate_keys};
use crate::store::{Store, StoreError};
use crate::telemetry::causes;

/// How often signing keys are looked after: a key that another instance made is known everywhere long before it signs.
const KEY_ROUND: Duration = Duration::from_secs(60);

/// How often rows that nobody needs any more are deleted.
const PRUNE_ROUND: Duration = Duration::from_secs(3600);

/// How often events are counted into their hours; what is newer is counted when somebody asks.
const COUNT_ROUND: Duration = Duration::from_secs(5);

/// How often accounts are looked for whose time to be erased has come.
const ERASE_ROUND: Duration = Duration::from_secs(60);

/// Rows deleted in one statement, so that none holds locks for long.
const PRUNE_BATCH: u64 = 1000;

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
    }
}

/// Erases accounts that were deleted longer ago than `erase_after`: at the start and every minute, until `stop`.
pub(super) async fn erase(auth: Arc<Auth>, erase_after: Duration, stop: CancellationToken) {
    let age = time::Duration::try_from(erase_after).unwrap_or(time::Duration::MAX);
    loop {
        match erase_accounts::run(&auth, auth.clock.now() - age).await {
            Ok(erased) if erased.accounts > 0 => {
                tracing::info!(accounts = erased.accounts, "deleted accounts erased");
                // There may be more.
                if !stop.is_cancelled() {
                    continue;
                }
            }
            Ok(erased) if erased.waiting > 0 => {
                tracing::warn!(
                    accounts = erased.waiting,
                    "not erased: events about them wait to be published"
                );
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(error = %causes(&error), "deleted accounts could not be erased"),
        }
        if !rests(ERASE_ROUND, &stop).await {
            return;
        }
    }
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
