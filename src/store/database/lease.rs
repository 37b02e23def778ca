//! One `PostgreSQL` connection in somebody's hands, and what is known about it.

use deadpool::managed::Object;
use sea_orm::{DbErr, ExecResult, QueryResult, RuntimeErr, Statement, Values};
use sea_query_sqlx::SqlxValues;
use sqlx::postgres::{PgDatabaseError, PgSeverity, Postgres};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use tokio::runtime::Handle;

use super::pool::Manager;

/// Where a connection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing is open on it.
    AtRest,
    /// Inside a transaction.
    Open,
    /// Inside a transaction of which a statement has failed: the server will not commit it.
    Failed,
    /// A statement is under way, was dropped under way, or broke the connection.
    Unknown,
}

/// A connection.
pub(in crate::store) struct Session {
    connection: PgConnection,
    state: State,
}

/// A connection in somebody's hands. Dropping it gives it back when it is at rest, ends an open transaction first, and closes it when
/// its state is not known: the server then undoes what was open.
pub(in crate::store) struct Lease(Option<Object<Manager>>);

impl Session {
    pub(super) const fn new(connection: PgConnection) -> Self {
        Self {
            connection,
            state: State::AtRest,
        }
    }

    pub(super) async fn ping(&mut self) -> Result<(), sqlx::Error> {
        self.connection.ping().await
    }

    /// Marks the connection as under way, and says what to mark it as once it is through.
    fn start(&mut self) -> (&mut PgConnection, State) {
        let before = std::mem::replace(&mut self.state, State::Unknown);
        (&mut self.connection, before)
    }

    /// Marks the connection after a statement that began in state `before`.
    fn finish<T>(&mut self, before: State, result: &Result<T, sqlx::Error>) {
        self.state = match result {
            Ok(_) => before,
            Err(error) if !is_answer(error) => State::Unknown,
            Err(_) if before == State::Open => State::Failed,
            Err(_) => before,
        };
    }

    async fn run(&mut self, sql: &'static str, then: State) -> Result<(), sqlx::Error> {
        let (connection, _) = self.start();
        connection.execute(sql).await?;
        self.state = then;
        Ok(())
    }
}

impl Lease {
    pub(super) const fn new(object: Object<Manager>) -> Self {
        Self(Some(object))
    }

    fn session(&mut self) -> Result<&mut Session, DbErr> {
        // Only dropping takes it out.
        self.0
            .as_deref_mut()
            .ok_or_else(|| DbErr::Conn(RuntimeErr::Internal("the connection was given back".to_owned())))
    }

    pub(super) async fn begin(&mut self) -> Result<(), DbErr> {
        self.session()?.run("BEGIN", State::Open).await.map_err(exec)
    }

    /// The server answers `ROLLBACK`, and no error, to the COMMIT of a transaction that has failed: that is an error here.
    pub(super) async fn commit(mut self) -> Result<(), DbErr> {
        let session = self.session()?;
        if session.state != State::Open {
            return Err(DbErr::Custom(
                "a transaction that has failed was to be committed".to_owned(),
            ));
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
        let session = self.session()?;
        let (connection, before) = session.start();
        let result = query(statement).fetch_all(connection).await;
        session.finish(before, &result);
        result
            .map(|rows| rows.into_iter().map(Into::into).collect())
            .map_err(rows)
    }

    /// As [`query_all`](Self::query_all), with a plan of its own.
    pub(super) async fn query_all_planned(&mut self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let session = self.session()?;
        let (connection, before) = session.start();
        let result = query(statement).persistent(false).fetch_all(connection).await;
        session.finish(before, &result);
        result
            .map(|rows| rows.into_iter().map(Into::into).collect())
            .map_err(rows)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(mut object) = self.0.take() else { return };
        match (object.state, Handle::try_current()) {
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

/// Whether the server has answered and goes on.
fn is_answer(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(error) => error
            .try_downcast_ref::<PgDatabaseError>()
            .is_some_and(|error| !matches!(error.severity(), PgSeverity::Fatal | PgSeverity::Panic)),
        sqlx::Error::RowNotFound => true,
        _ => false,
    }
}

fn exec(error: sqlx::Error) -> DbErr {
    DbErr::Exec(RuntimeErr::SqlxError(error.into()))
}

fn rows(error: sqlx::Error) -> DbErr {
    DbErr::Query(RuntimeErr::SqlxError(error.into()))
}
