//! A connection that is kept for the locks of its session, and is in no pool that others use.

use std::time::Duration;

use async_trait::async_trait;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, ExecResult, QueryResult, Statement};
use sqlx::postgres::PgConnectOptions;
use tokio::sync::Mutex;

use super::lease::Lease;
use super::pool::Pool;

/// On `PostgreSQL` one session, which never reconnects: after its connection is lost every
/// statement fails. Dropping it ends the session, and with it its locks.
pub(in crate::store) enum Dedicated {
    Postgres {
        lease: Mutex<Lease>,
        /// It has the one connection, and is dropped after the lease.
        _pool: Pool,
    },
    Sqlite(DatabaseConnection),
}

impl Dedicated {
    pub(in crate::store) async fn connect(options: PgConnectOptions, timeout: Duration) -> Result<Self, DbErr> {
        let pool = Pool::new(options, 1, timeout)?;
        let lease = Lease::from(&pool).await?;
        Ok(Self::Postgres { lease: Mutex::new(lease), _pool: pool })
    }
}

#[async_trait]
impl ConnectionTrait for Dedicated {
    fn get_database_backend(&self) -> DbBackend {
        match self {
            Self::Postgres { .. } => DbBackend::Postgres,
            Self::Sqlite(_) => DbBackend::Sqlite,
        }
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        match self {
            Self::Postgres { lease, .. } => lease.lock().await.execute(statement).await,
            Self::Sqlite(db) => db.execute_raw(statement).await,
        }
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        match self {
            Self::Postgres { lease, .. } => lease.lock().await.execute_unprepared(sql).await,
            Self::Sqlite(db) => db.execute_unprepared(sql).await,
        }
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        match self {
            Self::Postgres { lease, .. } => lease.lock().await.query_one(statement).await,
            Self::Sqlite(db) => db.query_one_raw(statement).await,
        }
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        match self {
            Self::Postgres { lease, .. } => lease.lock().await.query_all(statement).await,
            Self::Sqlite(db) => db.query_all_raw(statement).await,
        }
    }
}
