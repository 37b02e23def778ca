//! Periodic jobs: rotate signing keys, record refusals and erase deleted accounts every minute,
//! delete old rows every hour, count events every few seconds.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::actions::{Auth, erase_accounts, record_refusals, rotate_keys};
use crate::config::Settings;
use crate::store::{Outdated, Store, StoreError};
use crate::telemetry::{error_chain, spawn};

/// Time between two rotations or loads of signing keys. Every instance knows a new key long before
/// it signs.
const KEY_ROUND: Duration = Duration::from_secs(60);

/// Time between two deletions of old rows.
const PRUNE_ROUND: Duration = Duration::from_secs(3600);

/// Time between two updates of the hourly counts. Newer events are counted when a client asks.
const COUNT_ROUND: Duration = Duration::from_secs(5);

/// Time between two records of refused requests: at most one event per key in this time.
const REFUSALS_ROUND: time::Duration = time::Duration::MINUTE;

/// Time between two checks whether that is due.
const TICK: Duration = Duration::from_secs(1);

/// Time between two searches for accounts to erase.
const ERASE_ROUND: Duration = Duration::from_secs(60);

/// Maximum number of rows deleted in one statement, which bounds how long it holds locks.
const PRUNE_BATCH: u64 = 1000;

/// How long the outcome of an email stays in the database.
const FINISHED_MAILS: time::Duration = time::Duration::days(7);

/// How long an ended session stays in the database.
const ENDED_SESSIONS: time::Duration = time::Duration::days(30);

/// Start all jobs except the one that records refusals, which ends later.
pub(super) fn spawn_rounds(auth: &Arc<Auth>, settings: &Settings, stop: &CancellationToken) -> Vec<JoinHandle<()>> {
    let (events, accounts) = (&settings.events, &settings.accounts);
    vec![
        spawn("signing keys", rotate_signing_keys(auth.clone(), stop.clone())),
        spawn("pruning", prune(auth.clone(), events.retention, stop.clone())),
        spawn("erasing", erase(auth.clone(), accounts.erase_after, stop.clone())),
        spawn("counting", count_events(auth.store.clone(), stop.clone())),
    ]
}

/// Rotate signing keys and load those of other instances until `stop`.
async fn rotate_signing_keys(auth: Arc<Auth>, stop: CancellationToken) {
    while rests(KEY_ROUND, &stop).await {
        if let Err(error) = rotate_keys::run(&auth).await {
            tracing::error!(error = %error_chain(&error), "rotating signing keys failed");
        }
    }
}

/// Delete expired events, idempotency keys, sessions, challenges, codes and emails until `stop`.
async fn prune(auth: Arc<Auth>, retention: Duration, stop: CancellationToken) {
    while rests(PRUNE_ROUND, &stop).await {
        let now = auth.clock.now();
        let events_before = now - time::Duration::try_from(retention).unwrap_or(time::Duration::MAX);
        match prune_once(&auth.store, now, events_before, &stop).await {
            Ok((0, 0)) => {}
            Ok((events, sessions)) => tracing::info!(events, sessions, "old rows deleted"),
            Err(error) => tracing::warn!(error = %error_chain(&error), "deleting old rows failed"),
        }
        if let Err(error) = prune_all(&auth.store, Outdated::LoginChallenges, now, &stop).await {
            tracing::warn!(error = %error_chain(&error), "deleting expired login challenges failed");
        }
        if let Err(error) = prune_mail(&auth.store, now, &stop).await {
            tracing::warn!(error = %error_chain(&error), "deleting finished emails failed");
        }
    }
}

/// Delete expired one-time codes and finished emails.
async fn prune_mail(store: &Store, now: time::OffsetDateTime, stop: &CancellationToken) -> Result<(), StoreError> {
    prune_all(store, Outdated::Codes, now, stop).await?;
    prune_all(store, Outdated::Mails, now - FINISHED_MAILS, stop).await?;
    Ok(())
}

/// Erase accounts that were deleted more than `erase_after` ago, at start and every minute until
/// `stop`.
async fn erase(auth: Arc<Auth>, erase_after: Duration, stop: CancellationToken) {
    let age = time::Duration::try_from(erase_after).unwrap_or(time::Duration::MAX);
    loop {
        match erase_accounts::run(&auth, auth.clock.now() - age).await {
            Ok(erased) if erased.accounts > 0 => {
                tracing::info!(accounts = erased.accounts, "deleted accounts erased");
                // There may be more of them.
                if !stop.is_cancelled() {
                    continue;
                }
            }
            Ok(erased) if erased.waiting > 0 => {
                tracing::warn!(
                    accounts = erased.waiting,
                    "not erased yet: events about these accounts are not published"
                );
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(error = %error_chain(&error), "erasing deleted accounts failed"),
        }
        if !rests(ERASE_ROUND, &stop).await {
            return;
        }
    }
}

/// Update the hourly counts until `stop`.
async fn count_events(store: Store, stop: CancellationToken) {
    while rests(COUNT_ROUND, &stop).await {
        loop {
            match store.ledger().count_up().await {
                Ok(true) if !stop.is_cancelled() => {}
                Ok(_) => break,
                Err(error) => {
                    tracing::warn!(error = %error_chain(&error), "counting events failed");
                    break;
                }
            }
        }
    }
}

/// Record refused requests every minute until `stop`.
pub(super) fn spawn_refusals(auth: Arc<Auth>, stop: CancellationToken) -> JoinHandle<()> {
    spawn("refusals", async move {
        let mut due = auth.clock.now() + REFUSALS_ROUND;
        while rests(TICK, &stop).await {
            let now = auth.clock.now();
            if now >= due {
                due = now + REFUSALS_ROUND;
                record_refusals_now(&auth).await;
            }
        }
    })
}

/// Record the remaining refusals after the last request, for at most `max_wait`. The work runs in
/// its own task, which the timeout does not interrupt.
pub(super) async fn last_refusals(auth: Arc<Auth>, refusals: JoinHandle<()>, max_wait: Duration) {
    let last = spawn("last refusals", async move {
        let _ = refusals.await;
        record_refusals_now(&auth).await;
    });
    let _ = tokio::time::timeout(max_wait, last).await;
}

async fn record_refusals_now(auth: &Auth) {
    match record_refusals::run(auth).await {
        Ok(0) => {}
        Ok(events) => tracing::debug!(events, "recorded refusals of rate limits"),
        Err(error) => tracing::warn!(error = %error_chain(&error), "recording refusals of rate limits failed"),
    }
}

async fn prune_once(
    store: &Store,
    now: time::OffsetDateTime,
    events_before: time::OffsetDateTime,
    stop: &CancellationToken,
) -> Result<(u64, u64), StoreError> {
    let (mut events, mut next) = (0, Some(0));
    while let Some(after) = next.filter(|_| !stop.is_cancelled()) {
        let pruned = store.ledger().prune(events_before, after, PRUNE_BATCH).await?;
        events += pruned.deleted;
        next = pruned.next;
    }
    store.ledger().prune_counts(events_before).await?;
    prune_all(store, Outdated::IdempotencyKeys, now, stop).await?;
    let sessions = prune_all(store, Outdated::Sessions, now - ENDED_SESSIONS, stop).await?;
    Ok((events, sessions))
}

/// Delete all of these rows that expired before `before`, until `stop`, and return their number.
async fn prune_all(
    store: &Store,
    rows: Outdated,
    before: time::OffsetDateTime,
    stop: &CancellationToken,
) -> Result<u64, StoreError> {
    let mut all = 0;
    while !stop.is_cancelled() {
        let deleted = store.prune(rows, before, PRUNE_BATCH).await?;
        all += deleted;
        if deleted < PRUNE_BATCH {
            break;
        }
    }
    Ok(all)
}

/// Sleep. Return false on `stop`.
async fn rests(pause: Duration, stop: &CancellationToken) -> bool {
    tokio::select! {
        () = stop.cancelled() => false,
        () = tokio::time::sleep(pause) => true,
    }
}
