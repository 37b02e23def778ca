//! A `PostgreSQL` connection on lease from the pool.

use deadpool::managed::Object;
use sea_orm::{DbErr, RuntimeErr};
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

    pub(super) fn session(&mut self) -> Result<&mut Session, DbErr> {
        // Only `drop` takes it out.
        self.0
            .as_deref_mut()
            .ok_or_else(|| DbErr::Conn(RuntimeErr::Internal("the connection was returned to the pool".to_owned())))
    }

    pub(super) async fn begin(&mut self) -> Result<(), DbErr> {
        self.session()?.run("BEGIN", State::Open).await
    }

    /// Commit. The server answers `ROLLBACK`, and no error, to the COMMIT of a failed transaction;
    /// here that is an error.
    pub(super) async fn commit(mut self) -> Result<(), DbErr> {
        let session = self.session()?;
        if session.state() != State::Open {
            return Err(DbErr::Custom("a failed transaction cannot be committed".to_owned()));
        }
        session.run("COMMIT", State::AtRest).await
    }

    pub(super) async fn rollback(mut self) -> Result<(), DbErr> {
        self.session()?.run("ROLLBACK", State::AtRest).await
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
                        discard(object);
                    }
                });
            }
            _ => discard(object),
        }
    }
}

/// Close a connection. When its server is lost, the idle ones are closed before their next use.
fn discard(object: Object<Manager>) {
    if object.state() == State::Lost
        && let Some(pool) = Object::pool(&object)
    {
        pool.manager().doubt();
    }
    drop(Object::take(object));
}
