//! Leader election. On `PostgreSQL` the leader holds an advisory lock on a connection of its own,
//! so a leader that dies or is cut off loses the lease with its connection. On `SQLite` the lease
//! is a lock in the memory of the one process.

use std::fs::File;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection as _, PgConnection};
use tokio::sync::OwnedMutexGuard;

use super::connect::Address;
use super::{Ledger, StoreError, lock_file};

/// "watchwor" in ASCII, which by convention no other lock in the database has; migrations use its
/// successor.
const RELAY_LOCK: i64 = 0x7761_7463_6877_6f72;

/// Held by the process that replays events.
const REPLAY_LOCK: i64 = 0x7761_7463_6877_6f74;

/// How long the server may take to grant or confirm a lease.
const LEASE_TIMEOUT: Duration = Duration::from_secs(5);

/// A lease, until it is dropped or its connection ends.
pub struct LeaderLease(Lock);

enum Lock {
    Postgres(Box<PgConnection>),
    Sqlite {
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
    connection: Option<Box<PgConnection>>,
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
                Ok(guard.map(|guard| LeaderLease(Lock::Sqlite { _guard: guard })))
            }
            Address::Postgres(options) => {
                // Keep the connection only if it answers, so that a broken or silent one is not
                // used again.
                let mut connection = match self.connection.take() {
                    Some(connection) => connection,
                    None => connect(options).await?,
                };
                let answer = tokio::time::timeout(LEASE_TIMEOUT, try_lock(&mut connection, RELAY_LOCK)).await;
                if answer.map_err(|_elapsed| unavailable(sqlx::Error::PoolTimedOut))?? {
                    return Ok(Some(LeaderLease(Lock::Postgres(connection))));
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
                Ok(locked.map(|file| LeaderLease(Lock::File { _locked: file })))
            }
            Address::Postgres(options) => {
                let mut connection = connect(options).await?;
                if try_lock(&mut connection, REPLAY_LOCK).await? {
                    return Ok(Some(LeaderLease(Lock::Postgres(connection))));
                }
                // An orderly end keeps the server's log clean; the lock is another process's in any
                // case.
                let _ = connection.close().await;
                Ok(None)
            }
        }
    }
}

async fn connect(options: &PgConnectOptions) -> Result<Box<PgConnection>, StoreError> {
    let connection = PgConnection::connect_with(options).await.map_err(unavailable)?;
    Ok(Box::new(connection))
}

/// The lock lasts until its connection ends, with no statement or transaction open.
async fn try_lock(connection: &mut PgConnection, key: i64) -> Result<bool, StoreError> {
    sqlx::query_scalar("SELECT pg_try_advisory_lock($1)")
        .bind(key)
        .fetch_one(connection)
        .await
        .map_err(unavailable)
}

impl LeaderLease {
    /// Confirm the lease.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when its connection is lost, and the lease with it.
    pub async fn check(&mut self) -> Result<(), StoreError> {
        match &mut self.0 {
            Lock::Sqlite { .. } | Lock::File { .. } => Ok(()),
            // A caller that gives up drops the connection too, and with it the lease: it is in no
            // pool.
            Lock::Postgres(connection) => match tokio::time::timeout(LEASE_TIMEOUT, connection.ping()).await {
                Ok(answer) => answer.map_err(unavailable),
                Err(_) => Err(unavailable(sqlx::Error::PoolTimedOut)),
            },
        }
    }
}

pub(super) fn unavailable(error: sqlx::Error) -> StoreError {
    StoreError::Unavailable(sea_orm::DbErr::Conn(sea_orm::RuntimeErr::SqlxError(error.into())))
}
