//! One `PostgreSQL` connection and its known state.

use std::io;
use std::time::Duration;

use sea_orm::{DbErr, ExecResult, QueryResult, RuntimeErr, Statement, Values};
use sea_query_sqlx::SqlxValues;
use sqlx::postgres::{PgDatabaseError, PgRow, PgSeverity, Postgres};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, Row as _};
use tokio::time::timeout;

/// A server that answers so is not the right one any more, or leaves: read-only, shut down by an
/// administrator, crashed, not accepting connections.
const LEFT_CODES: [&str; 4] = ["25006", "57P01", "57P02", "57P03"];

/// Whose session this is, and whether it can write.
const HEALTH: &str = "SELECT pg_backend_pid() AS pid, pg_is_in_recovery() AS standby";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Neither a transaction nor a statement is open.
    AtRest,
    /// Inside a transaction.
    Open,
    /// Inside a transaction in which a statement failed: the server will not commit it.
    Failed,
    /// A statement is running or was dropped while it ran, or the connection must not be used
    /// again.
    Unknown,
    /// The server is gone or not the right one any more, probably for the idle connections too.
    Lost,
}

/// The answers of a connection come from another session than before.
#[derive(Debug, thiserror::Error)]
#[error("the session changed behind the connection: a pooler in transaction mode is between; use pool_mode = session")]
struct SharedSession;

/// A session whose statements all have a bound on this side too: a server that has vanished ends
/// no statement and no connection. A statement that its bound ends leaves the connection
/// [`Lost`](State::Lost).
pub(in crate::store) struct Session {
    connection: PgConnection,
    state: State,
    backend: i32,
    bound: Duration,
}

impl Session {
    pub(super) const fn new(connection: PgConnection, backend: i32, bound: Duration) -> Self {
        Self { connection, state: State::AtRest, backend, bound }
    }

    pub(super) const fn state(&self) -> State {
        self.state
    }

    /// The process id of the backend.
    pub(in crate::store) const fn backend(&self) -> i32 {
        self.backend
    }

    /// Ask within `limit` whether the server is there, is still the same session, and can write.
    pub(in crate::store) async fn check(&mut self, limit: Duration) -> Result<(), sqlx::Error> {
        if self.check_same(limit).await? {
            self.state = State::Lost;
            return Err(io::Error::other("the server is a standby").into());
        }
        Ok(())
    }

    /// Ask within `limit` whether the server is there and is still the same session. Return whether
    /// it is a standby.
    pub(in crate::store) async fn check_same(&mut self, limit: Duration) -> Result<bool, sqlx::Error> {
        let before = self.start();
        let result = within(limit.min(self.bound), self.connection.fetch_one(HEALTH)).await;
        let row: PgRow = self.finish(before, result)?;
        if row.try_get::<i32, _>("pid")? != self.backend {
            return Err(sqlx::Error::Configuration(Box::new(SharedSession)));
        }
        row.try_get("standby")
    }

    /// Ask whether the server answers.
    pub(super) async fn ping(&mut self) -> Result<(), DbErr> {
        let before = self.start();
        let result = within(self.bound, self.connection.ping()).await;
        self.finish(before, result).map_err(exec)
    }

    pub(in crate::store) async fn execute(&mut self, statement: Statement) -> Result<ExecResult, DbErr> {
        let before = self.start();
        let result = within(self.bound, query(statement).execute(&mut self.connection)).await;
        self.finish(before, result).map(Into::into).map_err(exec)
    }

    pub(in crate::store) async fn execute_unprepared(&mut self, sql: &str) -> Result<ExecResult, DbErr> {
        let before = self.start();
        let result = within(self.bound, self.connection.execute(AssertSqlSafe(sql.to_owned()))).await;
        self.finish(before, result).map(Into::into).map_err(exec)
    }

    pub(in crate::store) async fn query_one(&mut self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        let before = self.start();
        let result = within(self.bound, query(statement).fetch_optional(&mut self.connection)).await;
        self.finish(before, result).map(|row| row.map(Into::into)).map_err(rows)
    }

    pub(in crate::store) async fn query_all(&mut self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.fetch_all(query(statement)).await
    }

    /// As [`query_all`](Self::query_all), planned for these values.
    pub(super) async fn query_all_planned(&mut self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.fetch_all(query(statement).persistent(false)).await
    }

    async fn fetch_all(&mut self, query: Query<'static, Postgres, SqlxValues>) -> Result<Vec<QueryResult>, DbErr> {
        let before = self.start();
        let result = within(self.bound, query.fetch_all(&mut self.connection)).await;
        let found = self.finish(before, result).map_err(rows)?;
        Ok(found.into_iter().map(Into::into).collect())
    }

    /// Run BEGIN, COMMIT or ROLLBACK.
    pub(super) async fn run(&mut self, sql: &'static str, then: State) -> Result<(), DbErr> {
        self.start();
        let result = within(self.bound, self.connection.execute(sql)).await;
        // After a refused one the state is unknown.
        self.finish(State::Unknown, result).map_err(exec)?;
        self.state = then;
        Ok(())
    }

    /// End the session in an orderly way, which keeps the server's log clean.
    pub(in crate::store) async fn close(self) {
        let _ = timeout(self.bound, self.connection.close()).await;
    }

    /// Mark the connection as running, and return the state that it had.
    const fn start(&mut self) -> State {
        std::mem::replace(&mut self.state, State::Unknown)
    }

    /// Mark the connection after a statement that began in state `before`.
    fn finish<T>(&mut self, before: State, result: Result<T, sqlx::Error>) -> Result<T, sqlx::Error> {
        self.state = match &result {
            Ok(_) => before,
            Err(error) if is_lost(error) => State::Lost,
            Err(error) if !is_answer(error) => State::Unknown,
            Err(_) if before == State::Open => State::Failed,
            Err(_) => before,
        };
        result
    }
}

/// Wait for an answer, but not longer than `limit`.
async fn within<T>(limit: Duration, answer: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
    timeout(limit, answer).await.unwrap_or_else(|_| Err(timed_out()))
}

/// The server did not answer in time.
pub(super) fn timed_out() -> sqlx::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the server did not answer in time").into()
}

/// Whether the network or the server is gone, or the server is not the right one any more.
fn is_lost(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) => true,
        sqlx::Error::Database(error) => error.code().is_some_and(|code| LEFT_CODES.contains(&&*code)),
        _ => false,
    }
}

/// Whether the server answered, and the connection is still usable.
fn is_answer(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(error) => error
            .try_downcast_ref::<PgDatabaseError>()
            .is_some_and(|error| !matches!(error.severity(), PgSeverity::Fatal | PgSeverity::Panic)),
        sqlx::Error::RowNotFound => true,
        _ => false,
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
