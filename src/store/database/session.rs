//! One `PostgreSQL` connection and its known state.

use sqlx::postgres::{PgDatabaseError, PgSeverity};
use sqlx::{Connection as _, Executor as _, PgConnection};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Neither a transaction nor a statement is open.
    AtRest,
    /// Inside a transaction.
    Open,
    /// Inside a transaction in which a statement failed: the server will not commit it.
    Failed,
    /// A statement is running, was dropped while it ran, or broke the connection.
    Unknown,
}

pub(in crate::store) struct Session {
    connection: PgConnection,
    state: State,
}

impl Session {
    pub(super) const fn new(connection: PgConnection) -> Self {
        Self { connection, state: State::AtRest }
    }

    pub(super) const fn state(&self) -> State {
        self.state
    }

    pub(super) async fn ping(&mut self) -> Result<(), sqlx::Error> {
        self.connection.ping().await
    }

    /// Mark the connection as running, and return the state that it had.
    pub(super) fn start(&mut self) -> (&mut PgConnection, State) {
        let before = std::mem::replace(&mut self.state, State::Unknown);
        (&mut self.connection, before)
    }

    /// Mark the connection after a statement that began in state `before`.
    pub(super) fn finish<T>(&mut self, before: State, result: &Result<T, sqlx::Error>) {
        self.state = match result {
            Ok(_) => before,
            Err(error) if !is_answer(error) => State::Unknown,
            Err(_) if before == State::Open => State::Failed,
            Err(_) => before,
        };
    }

    pub(super) async fn run(&mut self, sql: &'static str, then: State) -> Result<(), sqlx::Error> {
        let (connection, _) = self.start();
        connection.execute(sql).await?;
        self.state = then;
        Ok(())
    }
}

/// Whether the server answered and the connection is still usable.
fn is_answer(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(error) => error
            .try_downcast_ref::<PgDatabaseError>()
            .is_some_and(|error| !matches!(error.severity(), PgSeverity::Fatal | PgSeverity::Panic)),
        sqlx::Error::RowNotFound => true,
        _ => false,
    }
}
