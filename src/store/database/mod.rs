//! Connections and transactions for sea-orm, on `PostgreSQL` or `SQLite`.

mod dedicated;
mod lease;
mod pool;
mod session;
mod sqlite;

use std::time::Duration;

use async_trait::async_trait;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult, Statement,
};
use sqlx::postgres::PgConnectOptions;
use tokio::sync::Mutex;

pub(super) use dedicated::Dedicated;
use lease::Lease;
use pool::Pool;

pub(super) enum Database {
    Postgres(Pool),
    Sqlite(DatabaseConnection),
}

/// Dropping it without [`commit`](Self::commit) rolls back.
pub(super) enum Transaction {
    Postgres(Mutex<Lease>),
    Sqlite(DatabaseTransaction),
}

impl Database {
    /// The pool connects on first use, so this succeeds while the server is down.
    pub(super) fn postgres(options: PgConnectOptions, max: u32, acquire_timeout: Duration) -> Result<Self, DbErr> {
        Ok(Self::Postgres(Pool::new(options, max, acquire_timeout)?))
    }

    /// Open the file, and create it if it is missing.
    pub(super) async fn sqlite(path: &std::path::Path, max: u32, acquire_timeout: Duration) -> Result<Self, DbErr> {
        Ok(Self::Sqlite(sqlite::connect(path, max, acquire_timeout).await?))
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
            Self::Postgres(pool) => Lease::from(pool).await?.query_all_planned(statement).await,
            Self::Sqlite(db) => db.query_all_raw(statement).await,
        }
    }

    /// The migrator accepts only sea-orm's own type of connection.
    pub(super) fn for_migrations(&self) -> DatabaseConnection {
        match self {
            Self::Postgres(pool) => pool.for_migrations(),
            Self::Sqlite(db) => db.clone(),
        }
    }

    pub(super) async fn ping(&self) -> Result<(), DbErr> {
        match self {
            Self::Postgres(pool) => Lease::from(pool).await?.ping().await,
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

#[async_trait]
impl ConnectionTrait for Database {
    fn get_database_backend(&self) -> DbBackend {
        match self {
            Self::Postgres(_) => DbBackend::Postgres,
            Self::Sqlite(_) => DbBackend::Sqlite,
        }
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        match self {
            Self::Postgres(pool) => Lease::from(pool).await?.execute(statement).await,
            Self::Sqlite(db) => db.execute_raw(statement).await,
        }
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        match self {
            Self::Postgres(pool) => Lease::from(pool).await?.execute_unprepared(sql).await,
            Self::Sqlite(db) => db.execute_unprepared(sql).await,
        }
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        match self {
            Self::Postgres(pool) => Lease::from(pool).await?.query_one(statement).await,
            Self::Sqlite(db) => db.query_one_raw(statement).await,
        }
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        match self {
            Self::Postgres(pool) => Lease::from(pool).await?.query_all(statement).await,
            Self::Sqlite(db) => db.query_all_raw(statement).await,
        }
    }
}

#[async_trait]
impl ConnectionTrait for Transaction {
    fn get_database_backend(&self) -> DbBackend {
        match self {
            Self::Postgres(_) => DbBackend::Postgres,
            Self::Sqlite(_) => DbBackend::Sqlite,
        }
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        match self {
            Self::Postgres(lease) => lease.lock().await.execute(statement).await,
            Self::Sqlite(tx) => tx.execute_raw(statement).await,
        }
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        match self {
            Self::Postgres(lease) => lease.lock().await.execute_unprepared(sql).await,
            Self::Sqlite(tx) => tx.execute_unprepared(sql).await,
        }
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        match self {
            Self::Postgres(lease) => lease.lock().await.query_one(statement).await,
            Self::Sqlite(tx) => tx.query_one_raw(statement).await,
        }
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        match self {
            Self::Postgres(lease) => lease.lock().await.query_all(statement).await,
            Self::Sqlite(tx) => tx.query_all_raw(statement).await,
        }
    }
}
