//! An administrator has events replayed.

use crate::actions::sessions::authenticate::Identity;
use crate::actions::{Failure, Services};
use crate::domain::ids::uuid_v7;
pub use crate::domain::replay::{ReplayName, ReplayState, ReplayTarget};
use crate::store::{Conflict, NewReplay, ReplayOrigin, StoreError};
pub use crate::store::{Replay, Selection};

/// What is to be replayed.
#[derive(Debug, Clone)]
pub struct Input {
    /// The replay's name; one from its id when none is given.
    pub name: Option<ReplayName>,
    /// Who takes the copies.
    pub target: ReplayTarget,
    /// Which events.
    pub selection: Selection,
    /// The most events a second.
    pub rate: Option<u32>,
}

/// Why nothing will be replayed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Only administrators may.
    #[error("not an administrator")]
    Forbidden,
    /// Another replay has this name.
    #[error("the name is taken")]
    NameTaken,
    /// The service runs one at a time.
    #[error("a replay runs already")]
    Running,
    /// Something failed.
    #[error(transparent)]
    Failure(#[from] Failure),
}

/// Writes the replay down. An instance of the service runs it.
///
/// # Errors
/// [`Error`]; nothing is recorded then.
pub async fn run(services: &Services, caller: &Identity, input: Input) -> Result<Replay, Error> {
    if !caller.user.is_admin() {
        return Err(Error::Forbidden);
    }
    let now = services.clock.now();
    let id = uuid_v7(now, &*services.random);
    let name = match input.name {
        Some(name) => name,
        // The end of a UUIDv7 is what differs.
        None => id.to_string().parse().map_err(|_| Error::NameTaken)?,
    };
    let new = NewReplay {
        id,
        name,
        origin: ReplayOrigin::Service,
        target: input.target,
        selection: input.selection,
        rate: input.rate,
    };
    match services.store.ledger().begin_replay(new, now).await {
        Ok(replay) => Ok(replay),
        Err(StoreError::Conflict(Conflict::ReplayName)) => Err(Error::NameTaken),
        Err(StoreError::Conflict(Conflict::ReplayRunning)) => Err(Error::Running),
        Err(error) => Err(Failure::from(error).into()),
    }
}
