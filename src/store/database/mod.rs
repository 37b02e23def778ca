//! Connections and transactions for sea-orm, on `PostgreSQL` or `SQLite`.

mod delegate;
mod lease;
mod pool;
mod server;
mod session;
mod sqlite;

use std::time::Duration;

use sea_orm::{ConnectionTrait as _, DatabaseConnection, DatabaseTransaction, DbErr, QueryResult, Statement};
use tokio::sync::Mutex;

use lease::Lease;
use pool::Pool;
pub(super) use server::{AsynchronousCommit, Server, ServerProblem};
pub(super) use session::Session;

pub(super) enum Database {
    Postgres(Pool),
    Sqlite(DatabaseConnection),
}

/// Dropping it without [`commit`](Self::commit) rolls back.
pub(super) enum Transaction {
    Postgres(Mutex<Lease>),
    Sqlite(DatabaseTransaction),
}

/// The session of a lease, outside the pool. On `SQLite`, where leases are in memory, it is the
/// pool.
pub(super) enum OwnSession {
    Postgres(Box<Mutex<Session>>),
    Sqlite(DatabaseConnection),
}

impl Database {
    /// The pool connects on first use, so this succeeds while the server is down.
    pub(super) fn postgres(server: Server, max: u32, acquire_timeout: Duration) -> Result<Self, DbErr> {
        Ok(Self::Postgres(Pool::new(server, max, acquire_timeout)?))
    }

    /// Open the file, and create it if it is missing.
    pub(super) async fn sqlite(path: &std::path::Path, max: u32, acquire_timeout: Duration) -> Result<Self, DbErr> {
        Ok(Self::Sqlite(sqlite::connect(path, max, acquire_timeout).await?))
    }

    /// Whether a connection is free now or within `wait`.
    pub(super) async fn is_free_within(&self, wait: Duration) -> bool {
        match self {
            Self::Postgres(pool) => pool.is_free_within(wait).await,
            Self::Sqlite(_) => true,
        }
    }

    pub(super) async fn begin(&self) -> Result<Transaction, DbErr> {
        match self {
            Self::Postgres(pool) => {
                let mut lease = Lease::from(pool).await?;
                lease.begin().await?;
                Ok(Transaction::Postgres(Mutex::new(lease)))
            }
            Self::Sqlite(db) => Ok(Transaction::Sqlite(sqlite::begin(db).await?)),
        }
    }

    /// Run a query whose best plan depends on its values: `PostgreSQL` plans it for them, and keeps
    /// no generic plan.
    pub(super) async fn query_all_planned(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        match self {
            Self::Postgres(pool) => Lease::from(pool).await?.session()?.query_all_planned(statement).await,
            Self::Sqlite(db) => db.query_all_raw(statement).await,
        }
    }

    /// A connection of sea-orm's own type, outside the pool: the migrator accepts no other.
    pub(super) fn plain(&self) -> DatabaseConnection {
        match self {
            Self::Postgres(pool) => pool.plain(),
            Self::Sqlite(db) => db.clone(),
        }
    }

    pub(super) async fn ping(&self) -> Result<(), DbErr> {
        match self {
            Self::Postgres(pool) => Lease::from(pool).await?.session()?.ping().await,
            Self::Sqlite(db) => db.ping().await,
        }
    }

    pub(super) async fn close(&self) -> Result<(), DbErr> {
        match self {
            Self::Postgres(pool) => {
                pool.close();
                Ok(())
            }
            Self::Sqlite(db) => db.close_by_ref().await,
        }
    }
}

impl Transaction {
    pub(super) async fn commit(self) -> Result<(), DbErr> {
        match self {
            Self::Postgres(lease) => lease.into_inner().commit().await,
            Self::Sqlite(tx) => tx.commit().await,
        }
    }

    /// Roll back now; `drop` rolls back soon.
    pub(super) async fn rollback(self) -> Result<(), DbErr> {
        match self {
            Self::Postgres(lease) => lease.into_inner().rollback().await,
            Self::Sqlite(tx) => tx.rollback().await,
        }
    }
}
