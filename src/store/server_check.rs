//! What has to be true of a `PostgreSQL` server before anything is stored there.

use std::time::Duration;

use super::connect::Address;
use super::database::{AsynchronousCommit, Session};
use super::leader_election::unavailable;
use super::{OpenError, Store};

/// How long the server may take to answer.
const CHECK_TIMEOUT: Duration = Duration::from_secs(5);

impl Store {
    /// Check that commits are durable, and that the connections are sessions of the server.
    ///
    /// A pooler in transaction mode gives each transaction any session of the server. Settings and
    /// advisory locks are properties of a session: with it, limits would vanish, and two instances
    /// would lead.
    ///
    /// # Errors
    /// [`OpenError::TransactionPooler`], [`OpenError::AsynchronousCommit`]
    pub async fn check_server(&self) -> Result<(), OpenError> {
        let Address::Postgres(server) = self.address() else {
            return Ok(());
        };
        let refused = |error: sqlx::Error| match &error {
            sqlx::Error::Configuration(source) if source.is::<AsynchronousCommit>() => OpenError::AsynchronousCommit,
            sqlx::Error::Configuration(_) => OpenError::TransactionPooler,
            _ => unavailable(error).into(),
        };
        let mut first = server.connect().await.map_err(refused)?;
        let mut second = server.connect().await.map_err(refused)?;
        let shared = first.backend() == second.backend();
        // A pooler that takes turns gives the same connection different sessions.
        second.check_same(CHECK_TIMEOUT).await.map_err(refused)?;
        first.check_same(CHECK_TIMEOUT).await.map_err(refused)?;
        Session::close(first).await;
        Session::close(second).await;
        if shared {
            Err(OpenError::TransactionPooler)
        } else {
            Ok(())
        }
    }
}
