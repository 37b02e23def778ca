//! sea-orm's trait for each kind of connection.

use async_trait::async_trait;
use sea_orm::{ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, Statement};

use super::lease::Lease;
use super::{Database, OwnSession, Transaction};

/// Implements [`ConnectionTrait`] for a type with the variants `Sqlite` and `Postgres`, of whose
/// value `$session` makes a session.
macro_rules! delegate {
    ($type:ty, $value:ident => $session:expr) => {
        #[async_trait]
        impl ConnectionTrait for $type {
            fn get_database_backend(&self) -> DbBackend {
                match self {
                    Self::Postgres(_) => DbBackend::Postgres,
                    Self::Sqlite(_) => DbBackend::Sqlite,
                }
            }

            async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
                match self {
                    Self::Postgres($value) => $session.execute(statement).await,
                    Self::Sqlite(db) => db.execute_raw(statement).await,
                }
            }

            async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
                match self {
                    Self::Postgres($value) => $session.execute_unprepared(sql).await,
                    Self::Sqlite(db) => db.execute_unprepared(sql).await,
                }
            }

            async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
                match self {
                    Self::Postgres($value) => $session.query_one(statement).await,
                    Self::Sqlite(db) => db.query_one_raw(statement).await,
                }
            }

            async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
                match self {
                    Self::Postgres($value) => $session.query_all(statement).await,
                    Self::Sqlite(db) => db.query_all_raw(statement).await,
                }
            }
        }
    };
}

delegate!(Database, pool => Lease::from(pool).await?.session()?);
delegate!(Transaction, lease => lease.lock().await.session()?);
delegate!(OwnSession, session => session.lock().await);
