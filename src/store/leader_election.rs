//! One relay leads. On `PostgreSQL` an advisory lock on a connection of its own says which, so a leader that dies or is cut off
//! loses the lead with its connection; on `SQLite` a lock in the one process does.

use std::fs::File;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection as _, PgConnection};
use tokio::sync::OwnedMutexGuard;

use super::connect::{Address, try_lock_file};
use super::{Ledger, StoreError};

/// "watchwor" in ASCII, shared with nothing else in the database by convention; migrations use its successor.
const RELAY_LOCK: i64 = 0x7761_7463_6877_6f72;

/// The lock of whoever replays events.
const REPLAY_LOCK: i64 = 0x7761_7463_6877_6f74;

/// How long the server may take to confirm the lead.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The lead, until it is dropped or its connection ends.
pub struct LeaderLease(Lock);

enum Lock {
    Postgres(Box<PgConnection>),
    Sqlite {
        _guard: OwnedMutexGuard<()>,
    },
    /// The system ends it with the process.
    File {
        _locked: File,
    },
}

/// Whoever asks for the lead, and keeps asking over the same connection.
pub struct LeaderElection {
    ledger: Ledger,
    connection: Option<Box<PgConnection>>,
}

impl LeaderElection {
    /// Tries to become the one leader; `None` when somebody else is.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database does not answer.
    pub async fn try_acquire(&mut self) -> Result<Option<LeaderLease>, StoreError> {
        let store = self.ledger.store();
        match store.address() {
            // Beside the process that has the file nobody leads.
            Address::Sqlite(_) if store.0.file_lock.is_none() => Ok(None),
            Address::Sqlite(_) => {
                let guard = store.0.relay.clone().try_lock_owned().ok();
                Ok(guard.map(|guard| LeaderLease(Lock::Sqlite { _guard: guard })))
            }
            Address::Postgres(options) => {
                // Put back only when it has answered, so that one that is broken or silent is not asked again.
                let mut connection = match self.connection.take() {
                    Some(connection) => connection,
                    None => connect(options).await?,
                };
                let asked = tokio::time::timeout(CONNECT_TIMEOUT, takes(&mut connection, RELAY_LOCK)).await;
                if asked.map_err(|_elapsed| unavailable(sqlx::Error::PoolTimedOut))?? {
                    return Ok(Some(LeaderLease(Lock::Postgres(connection))));
                }
                self.connection = Some(connection);
                Ok(None)
            }
        }
    }
}

impl Ledger {
    /// Asks for the lead of the relay.
    #[must_use]
    pub fn leader_election(&self) -> LeaderElection {
        LeaderElection {
            ledger: self.clone(),
            connection: None,
        }
    }

    /// Tries to become the one that replays events, in whatever process; `None` when somebody else does.
    ///
    /// # Errors
    /// [`StoreError`] when the database does not answer, or the lock beside the `SQLite` file can't be used.
    pub async fn try_replay(&self) -> Result<Option<LeaderLease>, StoreError> {
        match self.store().address() {
            Address::Sqlite(path) => {
                let locked = try_lock_file(&path.with_extension("replay.lock"))?;
                Ok(locked.map(|file| LeaderLease(Lock::File { _locked: file })))
            }
            Address::Postgres(options) => {
                let mut connection = connect(options).await?;
                if takes(&mut connection, REPLAY_LOCK).await? {
                    return Ok(Some(LeaderLease(Lock::Postgres(connection))));
                }
                // A polite goodbye keeps the server's log clean; the lock is another's whether or not it arrives.
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

/// The lock lasts longer than any statement, and waits idle outside of transactions.
async fn takes(connection: &mut PgConnection, key: i64) -> Result<bool, StoreError> {
    sqlx::query_scalar("SELECT pg_try_advisory_lock($1)")
        .bind(key)
        .fetch_one(connection)
        .await
        .map_err(unavailable)
}

impl LeaderLease {
    /// Confirms the lead.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the connection that holds it is gone, and the lead with it.
    pub async fn check(&mut self) -> Result<(), StoreError> {
        match &mut self.0 {
            Lock::Sqlite { .. } | Lock::File { .. } => Ok(()),
            // Whoever gives up here drops the connection too, and with it the lead: it is in no pool.
            Lock::Postgres(connection) => match tokio::time::timeout(CONNECT_TIMEOUT, connection.ping()).await {
                Ok(answer) => answer.map_err(unavailable),
                Err(_) => Err(unavailable(sqlx::Error::PoolTimedOut)),
            },
        }
    }
}

pub(super) fn unavailable(error: sqlx::Error) -> StoreError {
    StoreError::Unavailable(sea_orm::DbErr::Conn(sea_orm::RuntimeErr::SqlxError(error.into())))
}
