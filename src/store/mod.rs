//! The database: users, sessions, signing keys, outgoing mail and the ledger. No other module knows
//! the tables.
//!
//! A change and its event are written by one transaction, so they commit together. Every
//! transaction locks in the same order: the user's row ([`Tx::lock_user`]), then sessions, then the
//! ledger. That serializes the transactions of a user, so the events about a user are in the order
//! of the commits, and no two transactions deadlock.

mod connect;
mod convert;
mod database;
mod entities;
mod error;
mod events;
mod expired_rows;
mod idempotency_keys;
mod identity;
mod leader_election;
mod lock_file;
mod mail;
mod mfa;
mod migrate;
mod one_time_codes;
mod opening;
mod sessions;
mod signing_keys;
mod sql;
mod transaction;
mod users;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use sea_orm::{ConnAcquireErr, ConnectionTrait as _, DbBackend, DbErr};
use tokio::sync::{Mutex, Notify, OnceCell, OwnedMutexGuard, watch};
use watchword_events::Pii;

use self::connect::Address;
use self::database::Database;
pub use self::error::{Conflict, StoreError};
pub use self::events::adopt::{Adopted, Adoption, MissingEvent};
pub use self::events::counts::{CountFilter, UserCounts};
pub use self::events::endings::{EndedAgain, EndedSession, EndedUser, Endings};
pub use self::events::follow::{EventBatch, FollowFilter, FollowedEvent};
pub use self::events::ledger::{Backlog, DeletedEvents, Ledger, LedgerRow, Prune};
pub use self::events::list::{EventFilter, EventOrder, PageRequest};
pub use self::events::positions::EventPosition;
pub use self::events::publishing::{LedgerEnds, NextRows, RelayPosition, RowSize};
pub use self::events::replays::{NewReplay, Replay, ReplayProgress};
pub use self::events::selection::{SelectedPage, Selection, SeqRange};
pub use self::expired_rows::Expirable;
pub use self::idempotency_keys::{ClaimKey, CompletedRequest, NewIdempotencyKey};
pub use self::identity::DatabaseIdentity;
pub use self::leader_election::{LeaderElection, LeaderLease};
pub use self::mail::{ClaimedMail, NewMail};
pub use self::mfa::LoginChallenge;
pub use self::migrate::MigrationState;
pub use self::one_time_codes::{NewCode, StoredCode};
pub use self::opening::OpenError;
pub use self::sessions::open::{NewSession, OpenedSession};
pub use self::transaction::{AnyTx, SystemTx, Tx, UserTx};
pub use self::users::create::NewUser;
pub use self::users::erasure::Erasable;
pub use self::users::find::Credentials;
pub use self::users::list::{ListedUser, MAX_COUNTED_USERS, UserFilter, UserPage};
pub use self::users::update::UserChange;
use crate::domain::clock::Clock;
use crate::domain::ids::Epoch;
use crate::domain::random::Random;
pub use crate::domain::replay::{ReplayName, ReplayOrigin, ReplayState, ReplayTarget};
use crate::telemetry::Metrics;

/// After how long a lookup uses a reserved connection: if all others are in use for so long, it is
/// by slow queries.
const RESERVE_AFTER: Duration = Duration::from_millis(20);

/// What every event says about its source, and how much personal data it carries.
#[derive(Debug, Clone)]
pub struct EventProfile {
    /// `metadata.service`.
    pub service: String,
    /// `metadata.environment`.
    pub environment: String,
    pub pii: Pii,
    /// Where schemas are served, without a trailing slash.
    pub schema_base_url: String,
}

/// The database. Cheap to clone.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    db: Database,
    /// For lookups of sessions while slow queries have all connections; none on `SQLite`.
    reserve: Option<Database>,
    address: Address,
    profile: EventProfile,
    random: Arc<dyn Random>,
    /// Counts recorded events, once it is set.
    metrics: OnceLock<Arc<Metrics>>,
    /// Notified after every commit that recorded an event.
    recorded: Arc<Notify>,
    /// How many such commits there were, for followers.
    commits: watch::Sender<u64>,
    watermark: Mutex<events::watermark::Watermark>,
    /// The ledger's, once it is read.
    epoch: OnceCell<Epoch>,
    /// The batch that followers at the end of the ledger got last.
    latest: Mutex<Option<events::follow::LatestBatch>>,
    /// `SQLite` has one writer. Waiting for this lock is fair and wakes at once, while the busy
    /// handler of `SQLite` polls.
    writer: Arc<Mutex<()>>,
    /// Whether no server knows the callers' time.
    callers_time: AtomicBool,
    /// Longest wait for a connection, or for the writer's lock.
    acquire_timeout: Duration,
    /// Longest wait for the migrations of another instance.
    migration_lock_timeout: Duration,
    /// The lease of the relay on `SQLite`, where one process has the database.
    relay: Arc<Mutex<()>>,
    /// Locked as long as this process owns the `SQLite` file; none in a process that only reads it.
    file_lock: Option<std::fs::File>,
}

impl Store {
    fn db(&self) -> &Database {
        &self.0.db
    }

    /// The database for a lookup that must not wait behind slow queries of others.
    async fn lookup_db(&self) -> &Database {
        match &self.0.reserve {
            Some(reserve) if !self.0.db.is_free_within(RESERVE_AFTER).await => reserve,
            _ => &self.0.db,
        }
    }

    /// Take the writer's lock of `SQLite`; on `PostgreSQL` there is none.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when it is not free within `database.acquire_timeout`. Giving up
    /// cancels nothing, since no transaction has begun.
    async fn writer(&self) -> Result<Option<OwnedMutexGuard<()>>, StoreError> {
        if !self.is_sqlite() {
            return Ok(None);
        }
        let lock = tokio::time::timeout(self.0.acquire_timeout, self.0.writer.clone().lock_owned()).await;
        lock.map(Some)
            .map_err(|_| StoreError::Unavailable(DbErr::ConnectionAcquire(ConnAcquireErr::Timeout)))
    }

    fn is_sqlite(&self) -> bool {
        self.0.db.get_database_backend() == DbBackend::Sqlite
    }

    /// The time in milliseconds by the clock of the database, as SQL: for what one instance writes
    /// and another one compares with the time. `None` where the callers' time is the only one.
    fn shared_now(&self) -> Option<&'static str> {
        let is_shared = !self.is_sqlite() && !self.0.callers_time.load(Ordering::Relaxed);
        is_shared.then_some("CAST(floor(extract(epoch FROM clock_timestamp()) * 1000) AS BIGINT)")
    }

    /// Use the callers' time alone from now on: that of a test, which no server knows.
    pub fn use_callers_time(&self) {
        self.0.callers_time.store(true, Ordering::Relaxed);
    }

    /// By how much the clock of the database is ahead of `clock`. `None` where there is only one.
    pub async fn clock_difference(&self, clock: &dyn Clock) -> Result<Option<time::Duration>, StoreError> {
        let Some(now) = self.shared_now() else { return Ok(None) };
        let before = clock.now();
        let row = sql::fetch_one(self.db(), format!("SELECT {now} AS now"), []).await?;
        let between = before + (clock.now() - before) / 2;
        row.map(|row| Ok(convert::time(row.get("now")?) - between)).transpose()
    }

    /// Count recorded events in `metrics` from now on. A second call has no effect.
    pub fn observe(&self, metrics: Arc<Metrics>) {
        let _ = self.0.metrics.set(metrics);
    }

    #[must_use]
    pub fn ledger(&self) -> Ledger {
        Ledger::new(self.clone())
    }

    /// Check that the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        Ok(self.db().ping().await?)
    }

    /// Close the pool once nothing uses it.
    pub async fn close(&self) {
        for db in [Some(&self.0.db), self.0.reserve.as_ref()].into_iter().flatten() {
            if let Err(error) = db.close().await {
                tracing::warn!(%error, "closing the database failed");
            }
        }
    }
}
