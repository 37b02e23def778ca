//! Periodic jobs: compare clocks, rotate signing keys, record rate limits, erase deleted accounts,
//! delete expired rows, roll up event counts.

use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::actions::Services;
use crate::actions::jobs::{erase_accounts, record_rate_limits, rotate_keys};
use crate::config::Settings;
use crate::domain::clock::{Clock, signed_duration};
use crate::domain::ids::LedgerSeq;
use crate::store::{Expirable, Prune, Store, StoreError};
use crate::telemetry::{Recurring, error_chain, spawn};

/// A key that another instance created is known everywhere long before it signs.
const KEY_ROTATION_INTERVAL: Duration = Duration::from_secs(60);
const EXPIRY_INTERVAL: Duration = Duration::from_secs(3600);
/// From the start to the first deletion: instances that seldom live for an hour delete, too.
const FIRST_EXPIRY_DELAY: Duration = Duration::from_secs(60);
/// Events newer than the last roll-up are counted when a request asks for counts.
const COUNT_INTERVAL: Duration = Duration::from_secs(5);
const ERASURE_INTERVAL: Duration = Duration::from_secs(60);
/// Measured by the service's clock. A key of a rate limit makes at most one event in this time.
const RATE_LIMITS_INTERVAL: time::Duration = time::Duration::MINUTE;
/// How often the service's clock is read for [`RATE_LIMITS_INTERVAL`].
const RATE_LIMITS_TICK: Duration = Duration::from_secs(1);

/// How often the clock is compared with that of the database, and how far it may be away without a
/// warning.
const CLOCK_INTERVAL: Duration = Duration::from_secs(60);
const MAX_CLOCK_DIFFERENCE: time::Duration = time::Duration::seconds(2);

/// Rows that one statement deletes, so that none holds locks for long.
const EXPIRY_BATCH_SIZE: u64 = 1000;
/// How long delivered and abandoned emails are kept.
const FINISHED_EMAIL_TTL: time::Duration = time::Duration::days(7);
/// How long ended sessions are kept.
const ENDED_SESSION_TTL: time::Duration = time::Duration::days(30);

/// What the jobs work with.
#[derive(Clone)]
pub(super) struct Jobs {
    pub(super) services: Services,
    pub(super) store: Store,
    pub(super) clock: Arc<dyn Clock>,
    /// Ends the jobs.
    pub(super) stop: CancellationToken,
}

impl Jobs {
    /// Start all jobs but the recording of rate limits, which ends later.
    pub(super) fn spawn_all(&self, settings: &Settings) -> Vec<JoinHandle<()>> {
        let (retention, erase_after) = (settings.events.retention, settings.accounts.erase_after);
        vec![
            spawn("signing keys", self.clone().rotate_keys()),
            spawn("pruning", self.clone().delete_expired(retention)),
            spawn("erasing", self.clone().erase_accounts(erase_after)),
            spawn("counting", self.clone().roll_up_counts()),
        ]
    }

    /// Record every minute what rate limits refused.
    pub(super) fn spawn_rate_limits(&self) -> JoinHandle<()> {
        let jobs = self.clone();
        spawn("refusals", async move {
            let mut due = jobs.clock.now() + RATE_LIMITS_INTERVAL;
            while jobs.sleep_or_stop(RATE_LIMITS_TICK).await {
                let now = jobs.clock.now();
                if now >= due {
                    due = now + RATE_LIMITS_INTERVAL;
                    jobs.record_rate_limits().await;
                }
            }
        })
    }

    /// Record what is left once no request comes any longer, waiting at most `timeout`. The work is
    /// a task of its own: the timeout does not cut it in half.
    pub(super) async fn flush_rate_limits(self, recording: JoinHandle<()>, timeout: Duration) {
        let last = spawn("last refusals", async move {
            let _ = recording.await;
            self.record_rate_limits().await;
        });
        let _ = tokio::time::timeout(timeout, last).await;
    }

    async fn record_rate_limits(&self) {
        match record_rate_limits::run(&self.services.background()).await {
            Ok(0) => {}
            Ok(events) => tracing::debug!(events, "refusals of rate limits recorded"),
            Err(error) => tracing::warn!(error = %error_chain(&error), "refusals of rate limits could not be recorded"),
        }
    }

    /// Compare the clock with that of the database, which all instances share.
    pub(super) fn spawn_clock(&self) -> JoinHandle<()> {
        let jobs = self.clone();
        spawn("clock", async move {
            loop {
                if let Ok(Some(ahead)) = jobs.store.clock_difference(&*jobs.clock).await
                    && ahead.abs() > MAX_CLOCK_DIFFERENCE
                {
                    tracing::warn!(
                        seconds = -ahead.whole_seconds(),
                        "the clock of this machine is ahead of the database's, or behind it if negative; synchronize both"
                    );
                }
                if !jobs.sleep_or_stop(CLOCK_INTERVAL).await {
                    return;
                }
            }
        })
    }

    async fn rotate_keys(self) {
        while self.sleep_or_stop(KEY_ROTATION_INTERVAL).await {
            if let Err(error) = rotate_keys::run(&self.services.background()).await {
                tracing::error!(error = %error_chain(&error), "signing keys could not be rotated");
            }
        }
    }

    /// Erase deleted accounts at the start and every minute.
    async fn erase_accounts(self, erase_after: Duration) {
        let age = signed_duration(erase_after);
        loop {
            match erase_accounts::run(&self.services.background(), age).await {
                Ok(erased) if erased.accounts > 0 => {
                    tracing::info!(accounts = erased.accounts, "deleted accounts erased");
                    // There may be more.
                    if !self.stop.is_cancelled() {
                        continue;
                    }
                }
                Ok(erased) if erased.waiting > 0 => {
                    let accounts = erased.waiting;
                    tracing::warn!(accounts, "not erased: events about them wait to be published");
                }
                Ok(_) => {}
                Err(error) => tracing::warn!(error = %error_chain(&error), "deleted accounts could not be erased"),
            }
            if !self.sleep_or_stop(ERASURE_INTERVAL).await {
                return;
            }
        }
    }

    async fn roll_up_counts(self) {
        let failures = Recurring::new("events cannot be counted");
        while self.sleep_or_stop(COUNT_INTERVAL).await {
            loop {
                match self.store.ledger().roll_up_counts().await {
                    Ok(true) if !self.stop.is_cancelled() => {}
                    Ok(_) => {
                        failures.succeeded();
                        break;
                    }
                    Err(error) => {
                        failures.failed(&error);
                        break;
                    }
                }
            }
        }
    }

    /// Delete events past their retention, and other rows that have expired.
    async fn delete_expired(self, retention: Duration) {
        let retention = signed_duration(retention);
        let mut wait = FIRST_EXPIRY_DELAY;
        while self.sleep_or_stop(wait).await {
            wait = EXPIRY_INTERVAL;
            let (now, started) = (self.clock.now(), Instant::now());
            match self.delete_events_and_sessions(now, now - retention).await {
                Ok((0, 0)) => {}
                Ok((events, sessions)) => {
                    let took_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
                    tracing::info!(events, sessions, took_ms, "expired rows deleted");
                }
                Err(error) => tracing::warn!(error = %error_chain(&error), "expired rows could not be deleted"),
            }
            if let Err(error) = self.delete_rows(Expirable::LoginChallenges, now).await {
                tracing::warn!(error = %error_chain(&error), "expired challenges could not be deleted");
            }
            if let Err(error) = self.delete_codes_and_emails(now).await {
                tracing::warn!(error = %error_chain(&error), "expired emails could not be deleted");
            }
        }
    }

    async fn delete_events_and_sessions(
        &self,
        now: OffsetDateTime,
        events_before: OffsetDateTime,
    ) -> Result<(u64, u64), StoreError> {
        let ledger = self.store.ledger();
        let mut prune = Prune { before: events_before, now, after: LedgerSeq::default() };
        let (mut events, mut more) = (0, true);
        while more && !self.stop.is_cancelled() {
            let batch = ledger.delete_published(prune, EXPIRY_BATCH_SIZE).await?;
            events += batch.deleted;
            (prune.after, more) = (batch.through, batch.more);
        }
        ledger.delete_counts_before(events_before).await?;
        self.delete_rows(Expirable::IdempotencyKeys, now).await?;
        let sessions = self.delete_rows(Expirable::Sessions, now - ENDED_SESSION_TTL).await?;
        Ok((events, sessions))
    }

    async fn delete_codes_and_emails(&self, now: OffsetDateTime) -> Result<(), StoreError> {
        self.delete_rows(Expirable::Codes, now).await?;
        self.delete_rows(Expirable::Mails, now - FINISHED_EMAIL_TTL).await?;
        Ok(())
    }

    /// Delete the rows that expired before `before`, unless it is time to stop, and return how
    /// many.
    async fn delete_rows(&self, rows: Expirable, before: OffsetDateTime) -> Result<u64, StoreError> {
        let mut all = 0;
        while !self.stop.is_cancelled() {
            let deleted = self.store.delete_expired(rows, before, EXPIRY_BATCH_SIZE).await?;
            all += deleted;
            if deleted < EXPIRY_BATCH_SIZE {
                break;
            }
        }
        Ok(all)
    }

    /// Sleep; false when it is time to stop.
    async fn sleep_or_stop(&self, interval: Duration) -> bool {
        let slept = self.stop.run_until_cancelled(tokio::time::sleep(interval)).await;
        slept.is_some()
    }
}
