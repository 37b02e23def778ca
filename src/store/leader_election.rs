//! Leader election. On `PostgreSQL` the leader holds an advisory lock on a connection of its own,
//! so a leader that dies or is cut off loses the lease with its connection. On `SQLite` the lease
//! is a lock in the memory of the one process.

use std::fs::File;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use tokio::sync::OwnedMutexGuard;

use super::connect::Address;
use super::database::{Database, Dedicated};
use super::events::decided::Decided;
use super::{Ledger, Store, StoreError, lock_file, sql};

/// "watchwor" in ASCII, which by convention no other lock in the database has; migrations use its
/// successor.
const RELAY_LOCK: i64 = 0x7761_7463_6877_6f72;

/// Held by the process that replays events.
const REPLAY_LOCK: i64 = 0x7761_7463_6877_6f74;

/// How long the server may take to grant or confirm a lease.
const LEASE_TIMEOUT: Duration = Duration::from_secs(5);

/// A lease, until it is dropped or its connection ends. What its holder decides by is read over the
/// connection of the lease, so that nothing that was read before a failover is used after it.
pub struct LeaderLease {
    pub(super) db: Dedicated,
    pub(super) store: Store,
    pub(super) decided: Decided,
    _lock: Lock,
}

enum Lock {
    /// The connection holds it.
    Session,
    Memory {
        _guard: OwnedMutexGuard<()>,
    },
    /// The system releases it with the process.
    File {
        _locked: File,
    },
}

/// A candidate, which keeps one connection for all its attempts.
pub struct LeaderElection {
    ledger: Ledger,
    connection: Option<Dedicated>,
}

impl LeaderElection {
    /// Try to become the leader; `None` when another instance leads.
    pub async fn try_acquire(&mut self) -> Result<Option<LeaderLease>, StoreError> {
        let store = self.ledger.store();
        match store.address() {
            // A process that does not own the file never leads.
            Address::Sqlite(_) if store.0.file_lock.is_none() => Ok(None),
            Address::Sqlite(_) => {
                let guard = store.0.relay.clone().try_lock_owned().ok();
                Ok(guard.and_then(|guard| LeaderLease::on_sqlite(store, Lock::Memory { _guard: guard })))
            }
            Address::Postgres(options) => {
                // Keep the connection only if it answers, so that a broken or silent one is not
                // used again.
                let connection = match self.connection.take() {
                    Some(connection) => connection,
                    None => connect(options).await?,
                };
                let answer = tokio::time::timeout(LEASE_TIMEOUT, try_lock(&connection, RELAY_LOCK)).await;
                if answer.map_err(|_elapsed| unavailable(sqlx::Error::PoolTimedOut))?? {
                    return Ok(Some(LeaderLease::on_postgres(store, connection)));
                }
                self.connection = Some(connection);
                Ok(None)
            }
        }
    }
}

impl Ledger {
    /// Stand for election as the leader of the relays.
    #[must_use]
    pub fn leader_election(&self) -> LeaderElection {
        LeaderElection { ledger: self.clone(), connection: None }
    }

    /// Try to get the right to replay events; `None` when another process has it.
    pub async fn try_acquire_replay_lease(&self) -> Result<Option<LeaderLease>, StoreError> {
        match self.store().address() {
            Address::Sqlite(path) => {
                let path = path.with_extension("replay.lock");
                let locked = lock_file::try_lock(&path).map_err(|source| StoreError::LockFile { path, source })?;
                Ok(locked.and_then(|file| LeaderLease::on_sqlite(self.store(), Lock::File { _locked: file })))
            }
            Address::Postgres(options) => {
                let connection = connect(options).await?;
                let locked = try_lock(&connection, REPLAY_LOCK).await?;
                Ok(locked.then(|| LeaderLease::on_postgres(self.store(), connection)))
            }
        }
    }
}

async fn connect(options: &PgConnectOptions) -> Result<Dedicated, StoreError> {
    Ok(Dedicated::connect(options.clone(), LEASE_TIMEOUT).await?)
}

/// The lock lasts until its connection ends, with no statement or transaction open.
async fn try_lock(connection: &Dedicated, key: i64) -> Result<bool, StoreError> {
    let row = sql::fetch_one(connection, "SELECT pg_try_advisory_lock($1) AS locked", [key.into()]).await?;
    row.map_or(Ok(false), |row| row.get("locked"))
}

impl LeaderLease {
    fn on_postgres(store: &Store, db: Dedicated) -> Self {
        Self {
            db,
            store: store.clone(),
            decided: Decided::default(),
            _lock: Lock::Session,
        }
    }

    fn on_sqlite(store: &Store, lock: Lock) -> Option<Self> {
        let Database::Sqlite(db) = store.db() else { return None };
        Some(Self {
            db: Dedicated::Sqlite(db.clone()),
            store: store.clone(),
            decided: Decided::default(),
            _lock: lock,
        })
    }

    /// Confirm the lease.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when its connection is lost, and the lease with it.
    pub async fn check(&mut self) -> Result<(), StoreError> {
        // A caller that gives up leaves the connection in an unknown state, in which it is not used
        // again.
        match tokio::time::timeout(LEASE_TIMEOUT, sql::fetch_one(&self.db, "SELECT 1 AS one", [])).await {
            Ok(answer) => answer.map(|_| ()),
            Err(_) => Err(unavailable(sqlx::Error::PoolTimedOut)),
        }
    }
}

pub(super) fn unavailable(error: sqlx::Error) -> StoreError {
    StoreError::Unavailable(sea_orm::DbErr::Conn(sea_orm::RuntimeErr::SqlxError(error.into())))
}
