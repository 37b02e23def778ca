//! The database: users, sessions, signing keys and the ledger. The only module that knows tables.
//!
//! Every change goes through a [`Tx`], and a [`Tx`] records the event of what it changes, so that state and event commit together.
//! Lock order, everywhere: the user's row first ([`Tx::lock_user`]), then sessions, then the ledger. It serialises one user's
//! transactions, which makes the order of events per user the order of commits, and leaves no two transactions to deadlock.

mod codes;
mod connect;
mod convert;
mod counts;
mod database;
mod entities;
mod erasure;
mod error;
mod event_pages;
mod following;
mod idempotency;
mod keys;
mod leadership;
mod ledger;
mod mail;
mod migrate;
mod passwords;
mod people;
mod places;
mod pruning;
mod replays;
mod second_factors;
mod selection;
mod sessions;
mod tail;
mod tx;
mod user_changes;
mod users;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use sea_orm::{ConnAcquireErr, ConnectionTrait as _, DbBackend, DbErr};
use time::OffsetDateTime;
use tokio::sync::{Mutex, Notify, OwnedMutexGuard, watch};
use watchword_events::Pii;

pub use self::codes::{NewCode, StoredCode};
pub use self::connect::Address;
pub use self::counts::{Counted, UserCounts};
use self::database::Database;
pub use self::error::{Conflict, StoreError};
pub use self::event_pages::{EventFilter, StoredEvent};
pub use self::following::{Followed, Piece, PlacedEvent};
pub use self::idempotency::{CarriedOut, NewKey};
pub use self::leadership::{Candidate, Leadership};
pub use self::ledger::{AckedRow, Backlog, Ledger, LedgerRow, Pruned, Settled};
pub use self::mail::{ClaimedMail, NewMail};
pub use self::migrate::MigrationState;
pub use self::people::{COUNTED, People, UserFilter};
pub use self::places::Placed;
pub use self::pruning::Outdated;
pub use self::replays::{NewReplay, Replay, ReplayProgress};
pub use self::second_factors::LoginChallenge;
pub use self::selection::{SelectedPage, Selection, Standing, Stretch};
pub use self::sessions::{NewSession, OpenedSession};
pub use self::tx::{Tx, UserLock};
pub use self::user_changes::UserChange;
pub use self::users::{Credentials, NewUser};
use crate::domain::origin::Origin;
use crate::domain::random::Random;
pub use crate::domain::replay::{ReplayName, ReplayOrigin, ReplayState, ReplayTarget};
use crate::telemetry::Metrics;

/// What every event of this service says about its source, and how much of a person it may show.
#[derive(Debug, Clone)]
pub struct EventProfile {
    /// `metadata.service`.
    pub service: String,
    /// `metadata.environment`.
    pub environment: String,
    /// Personal data in payloads.
    pub pii: Pii,
    /// Where schemas are served, without a final slash.
    pub schema_base_url: String,
}

/// The database. Cheap to clone.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    db: Database,
    address: Address,
    profile: EventProfile,
    random: Arc<dyn Random>,
    /// Counts recorded events, once somebody looks.
    metrics: OnceLock<Arc<Metrics>>,
    /// Told after every commit that recorded an event.
    recorded: Arc<Notify>,
    /// The same for everybody else who waits for events: how many such commits there were.
    commits: watch::Sender<u64>,
    /// How far the ledger is known to be decided.
    tail: Mutex<tail::Tail>,
    /// What followers at the end of the ledger were last given.
    newest: Mutex<Option<following::Newest>>,
    /// `SQLite` has one writer: waiting here is fair and wakes at once, its own busy handler polls.
    writer: Arc<Mutex<()>>,
    /// Longest wait for a connection, or for that place.
    acquire_timeout: Duration,
    /// The relay's place on `SQLite`, where one process has the database.
    relay: Arc<Mutex<()>>,
    /// Held open, and locked, as long as the process has the `SQLite` file to itself; none beside such a process.
    file_lock: Option<std::fs::File>,
}

impl Store {
    /// The connections, for this module's files.
    fn db(&self) -> &Database {
        &self.0.db
    }

    /// `SQLite`'s place to write; nothing to wait for on `PostgreSQL`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when it is not free within `database.acquire_timeout`. Giving up here cancels nothing: it comes
    /// before the transaction begins.
    async fn writer(&self) -> Result<Option<OwnedMutexGuard<()>>, StoreError> {
        if !self.is_sqlite() {
            return Ok(None);
        }
        let lock = tokio::time::timeout(self.0.acquire_timeout, self.0.writer.clone().lock_owned()).await;
        lock.map(Some)
            .map_err(|_| StoreError::Unavailable(DbErr::ConnectionAcquire(ConnAcquireErr::Timeout)))
    }

    /// Runs one statement that writes, outside of any transaction.
    async fn write(&self, sql: &str) -> Result<u64, StoreError> {
        let _writer = self.writer().await?;
        Ok(self.db().execute_unprepared(sql).await?.rows_affected())
    }

    fn is_sqlite(&self) -> bool {
        self.0.db.get_database_backend() == DbBackend::Sqlite
    }

    /// Starts a transaction that happens at `now` because of `origin`.
    ///
    /// Never cancel it in mid-flight: on `SQLite` a dropped `begin` can leave a pooled connection inside a transaction
    /// (`docs/adr/0002`, `docs/adr/0018`).
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when no connection comes in time.
    pub async fn begin<'a>(&self, now: OffsetDateTime, origin: &'a Origin) -> Result<Tx<'a>, StoreError> {
        Tx::begin(self.clone(), now, origin).await
    }

    /// Counts recorded events in `metrics` from now on. The first call counts.
    pub fn observe(&self, metrics: Arc<Metrics>) {
        let _ = self.0.metrics.set(metrics);
    }

    /// The ledger, for the relay and for queries.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        Ledger::new(self.clone())
    }

    /// Asks the database for a sign of life.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when it does not answer.
    pub async fn ping(&self) -> Result<(), StoreError> {
        Ok(self.db().ping().await?)
    }

    /// Closes the pool once nothing uses it.
    pub async fn close(&self) {
        if let Err(error) = self.0.db.close().await {
            tracing::warn!(%error, "closing the database");
        }
    }
}
