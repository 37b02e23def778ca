//! How far a replay has come.

use uuid::Uuid;

use crate::actions::sessions::authenticate::Identity;
use crate::actions::{Failure, Services};
use crate::store::Replay;

/// Why there is nothing to show.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Only administrators may see it.
    #[error("not an administrator")]
    Forbidden,
    /// There is no such replay.
    #[error("no such replay")]
    NotFound,
    /// Something failed.
    #[error(transparent)]
    Failure(#[from] Failure),
}

/// Reads a replay, whoever began it.
///
/// # Errors
/// [`Error`].
pub async fn run(services: &Services, caller: &Identity, id: Uuid) -> Result<Replay, Error> {
    if !caller.user.is_admin() {
        return Err(Error::Forbidden);
    }
    let found = services.store.ledger().replay(id).await.map_err(Failure::from)?;
    found.ok_or(Error::NotFound)
}
