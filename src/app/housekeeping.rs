//! Rounds that keep the service tidy while it runs: signing keys, refusals and deleted accounts every minute, old rows every hour,
//! counts every few seconds.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::actions::{Auth, erase_accounts, record_refusals, rotate_keys};
use crate::config::Settings;
use crate::store::{Outdated, Store, StoreError};
use crate::telemetry::{error_chain, spawn};

/// How often signing keys are looked after: a key that another instance made is known everywhere long before it signs.
const KEY_ROUND: Duration = Duration::from_secs(60);

/// How often rows that nobody needs any more are deleted.
const PRUNE_ROUND: Duration = Duration::from_secs(3600);

/// How often events are counted into their hours; what is newer is counted when somebody asks.
const COUNT_ROUND: Duration = Duration::from_secs(5);

/// How often what rate limits refused is recorded: at most one event for each key in this time.
const REFUSALS_ROUND: time::Duration = time::Duration::MINUTE;

/// How often the clock is looked at for it.
const TICK: Duration = Duration::from_secs(1);

/// How often accounts are looked for whose time to be erased has come.
const ERASE_ROUND: Duration = Duration::from_secs(60);

/// Rows deleted in one statement, so that none holds locks for long.
const PRUNE_BATCH: u64 = 1000;

/// How long it stays known what became of a mail.
const FINISHED_MAILS: time::Duration = time::Duration::days(7);

/// How long an ended session stays in the database.
const ENDED_SESSIONS: time::Duration = time::Duration::days(30);

/// Starts all rounds but that of the refusals, which ends later.
pub(super) fn spawn_rounds(auth: &Arc<Auth>, settings: &Settings, stop: &CancellationToken) -> Vec<JoinHandle<()>> {
    let (events, accounts) = (&settings.events, &settings.accounts);
    vec![
        spawn("signing keys", rotate_signing_keys(auth.clone(), stop.clone())),
        spawn("pruning", prune(auth.clone(), events.retention, stop.clone())),
        spawn("erasing", erase(auth.clone(), accounts.erase_after, stop.clone())),
        spawn("counting", count_events(auth.store.clone(), stop.clone())),
    ]
}

/// Rotates signing keys, and loads those of other instances, until `stop`.
async fn rotate_signing_keys(auth: Arc<Auth>, stop: CancellationToken) {
    while rests(KEY_ROUND, &stop).await {
        if let Err(error) = rotate_keys::run(&auth).await {
            tracing::error!(error = %error_chain(&error), "signing keys could not be looked after");
        }
    }
}

/// Deletes events past their retention, idempotency keys of the day before and sessions that ended long ago, until `stop`.
async fn prune(auth: Arc<Auth>, retention: Duration, stop: CancellationToken) {
    while rests(PRUNE_ROUND, &stop).await {
        let now = auth.clock.now();
        let events_before = now - time::Duration::try_from(retention).unwrap_or(time::Duration::MAX);
        match prune_once(&auth.store, now, events_before, &stop).await {
            Ok((0, 0)) => {}
            Ok((events, sessions)) => tracing::info!(events, sessions, "old rows deleted"),
            Err(error) => tracing::warn!(error = %error_chain(&error), "old rows could not be deleted"),
        }
        if let Err(error) = prune_all(&auth.store, Outdated::LoginChallenges, now, &stop).await {
            tracing::warn!(error = %error_chain(&error), "old challenges could not be deleted");
        }
        if let Err(error) = prune_mail(&auth.store, now, &stop).await {
            tracing::warn!(error = %error_chain(&error), "old mails could not be deleted");
        }
    }
}

/// Deletes codes that are over and mails that are done with.
async fn prune_mail(store: &Store, now: time::OffsetDateTime, stop: &CancellationToken) -> Result<(), StoreError> {
    prune_all(store, Outdated::Codes, now, stop).await?;
    prune_all(store, Outdated::Mails, now - FINISHED_MAILS, stop).await?;
    Ok(())
}

/// Erases accounts that were deleted longer ago than `erase_after`: at the start and every minute, until `stop`.
async fn erase(auth: Arc<Auth>, erase_after: Duration, stop: CancellationToken) {
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
            Err(error) => tracing::warn!(error = %error_chain(&error), "deleted accounts could not be erased"),
        }
        if !rests(ERASE_ROUND, &stop).await {
            return;
        }
    }
}

/// Counts events into their hours, until `stop`.
async fn count_events(store: Store, stop: CancellationToken) {
    while rests(COUNT_ROUND, &stop).await {
        loop {
            match store.ledger().count_up().await {
                Ok(true) if !stop.is_cancelled() => {}
                Ok(_) => break,
                Err(error) => {
                    tracing::warn!(error = %error_chain(&error), "events could not be counted");
                    break;
                }
            }
        }
    }
}

/// Records what rate limits refused, every minute until `stop`.
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

/// Records what is left of it once no request comes any more, unless the database takes longer than `most`. The work is a task of
/// its own: nothing is left in the middle.
pub(super) async fn last_refusals(auth: Arc<Auth>, refusals: JoinHandle<()>, most: Duration) {
    let last = spawn("last refusals", async move {
        let _ = refusals.await;
        record_refusals_now(&auth).await;
    });
    let _ = tokio::time::timeout(most, last).await;
}

async fn record_refusals_now(auth: &Auth) {
    match record_refusals::run(auth).await {
        Ok(0) => {}
        Ok(events) => tracing::debug!(events, "refusals of rate limits recorded"),
        Err(error) => tracing::warn!(error = %error_chain(&error), "refusals of rate limits could not be recorded"),
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

/// Deletes all of these rows that became useless before `before`, unless it is time to stop, and tells how many.
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

/// Waits; false when it is time to stop.
async fn rests(pause: Duration, stop: &CancellationToken) -> bool {
    tokio::select! {
        () = stop.cancelled() => false,
        () = tokio::time::sleep(pause) => true,
    }
}
