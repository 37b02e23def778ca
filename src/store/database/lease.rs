//! A `PostgreSQL` connection on lease from the pool.

use deadpool::managed::Object;
use sea_orm::{DbErr, ExecResult, QueryResult, RuntimeErr, Statement, Values};
use sea_query_sqlx::SqlxValues;
use sqlx::postgres::Postgres;
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};
use tokio::runtime::Handle;

use super::pool::{Manager, Pool};
use super::session::{Session, State};

/// A connection on lease. Dropping the lease returns a connection that is at rest, rolls back an
/// open transaction first, and closes a connection in an unknown state: the server then rolls back
/// what was open.
pub(in crate::store) struct Lease(Option<Object<Manager>>);

impl Lease {
    /// Take a connection until the lease is dropped.
    pub(super) async fn from(pool: &Pool) -> Result<Self, DbErr> {
        pool.get().await.map(|object| Self(Some(object)))
    }

    fn session(&mut self) -> Result<&mut Session, DbErr> {
        // Only `drop` takes it out.
        self.0
            .as_deref_mut()
            .ok_or_else(|| DbErr::Conn(RuntimeErr::Internal("the connection was returned to the pool".to_owned())))
    }

    pub(super) async fn begin(&mut self) -> Result<(), DbErr> {
        self.session()?.run("BEGIN", State::Open).await.map_err(exec)
    }

    /// Commit. The server answers `ROLLBACK`, and no error, to the COMMIT of a failed transaction;
    /// here that is an error.
    pub(super) async fn commit(mut self) -> Result<(), DbErr> {
        let session = self.session()?;
        if session.state() != State::Open {
            return Err(DbErr::Custom("a failed transaction cannot be committed".to_owned()));
        }
        session.run("COMMIT", State::AtRest).await.map_err(exec)
    }

    pub(super) async fn rollback(mut self) -> Result<(), DbErr> {
        self.session()?.run("ROLLBACK", State::AtRest).await.map_err(exec)
    }

    pub(super) async fn ping(&mut self) -> Result<(), DbErr> {
        let session = self.session()?;
        let (connection, before) = session.start();
        let result = connection.ping().await;
        session.finish(before, &result);
        result.map_err(exec)
    }

    pub(super) async fn execute(&mut self, statement: Statement) -> Result<ExecResult, DbErr> {
        let session = self.session()?;
        let (connection, before) = session.start();
        let result = query(statement).execute(connection).await;
        session.finish(before, &result);
        result.map(Into::into).map_err(exec)
    }

    pub(super) async fn execute_unprepared(&mut self, sql: &str) -> Result<ExecResult, DbErr> {
        let session = self.session()?;
        let (connection, before) = session.start();
        let result = connection.execute(AssertSqlSafe(sql.to_owned())).await;
        session.finish(before, &result);
        result.map(Into::into).map_err(exec)
    }

    pub(super) async fn query_one(&mut self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        let session = self.session()?;
        let (connection, before) = session.start();
        let result = query(statement).fetch_optional(connection).await;
        session.finish(before, &result);
        result.map(|row| row.map(Into::into)).map_err(rows)
    }

    pub(super) async fn query_all(&mut self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.fetch_all(query(statement)).await
    }

    /// As [`query_all`](Self::query_all), planned for these values.
    pub(super) async fn query_all_planned(&mut self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.fetch_all(query(statement).persistent(false)).await
    }

    async fn fetch_all(&mut self, query: Query<'static, Postgres, SqlxValues>) -> Result<Vec<QueryResult>, DbErr> {
        let session = self.session()?;
        let (connection, before) = session.start();
        let result = query.fetch_all(connection).await;
        session.finish(before, &result);
        result.map(|rows| rows.into_iter().map(Into::into).collect()).map_err(rows)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(mut object) = self.0.take() else { return };
        match (object.state(), Handle::try_current()) {
            (State::AtRest, _) => {}
            (State::Open | State::Failed, Ok(runtime)) => {
                runtime.spawn(async move {
                    if object.run("ROLLBACK", State::AtRest).await.is_err() {
                        drop(Object::take(object));
                    }
                });
            }
            _ => drop(Object::take(object)),
        }
    }
}

fn query(statement: Statement) -> Query<'static, Postgres, SqlxValues> {
    let values = statement.values.unwrap_or(Values(Vec::new()));
    sqlx::query_with(AssertSqlSafe(statement.sql), SqlxValues(values))
}

fn exec(error: sqlx::Error) -> DbErr {
    DbErr::Exec(RuntimeErr::SqlxError(error.into()))
}

fn rows(error: sqlx::Error) -> DbErr {
    DbErr::Query(RuntimeErr::SqlxError(error.into()))
}
