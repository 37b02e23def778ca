//! Starts a replay, for administrators: an instance of the service publishes the selected events
//! again.

use crate::actions::ActionError::{self, Refused};
use crate::actions::Context;
use crate::actions::sessions::authenticate::Identity;
use crate::domain::ids::uuid_v7;
pub use crate::domain::replay::{ReplayName, ReplayState, ReplayTarget};
use crate::store::{Conflict, NewReplay, ReplayOrigin, StoreError};
pub use crate::store::{Replay, Selection};

#[derive(Debug, Clone)]
pub struct Input {
    /// The replay's id when left out.
    pub name: Option<ReplayName>,
    pub target: ReplayTarget,
    pub selection: Selection,
    /// At most so many events per second.
    pub rate: Option<u32>,
}

#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("the caller is not an administrator")]
    NotAdmin,
    #[error("another replay has the name")]
    NameTaken,
    /// The service runs one replay at a time.
    #[error("a replay is running")]
    Running,
}

/// Store the replay. One of the instances runs it.
///
/// # Errors
/// [`Refusal`]; nothing is stored then.
pub async fn run(cx: Context, caller: Identity, input: Input) -> Result<Replay, ActionError<Refusal>> {
    caller.require_admin(Refusal::NotAdmin)?;
    let now = cx.now();
    let id = uuid_v7(now, &*cx.services.random);
    let name = match input.name {
        Some(name) => name,
        // A UUID is always a well-formed name.
        None => id.to_string().parse().map_err(|_| Refused(Refusal::NameTaken))?,
    };
    let new = NewReplay {
        id,
        name,
        origin: ReplayOrigin::Service,
        target: input.target,
        selection: input.selection,
        rate: input.rate,
    };
    match cx.services.store.ledger().begin_replay(new, now).await {
        Ok(replay) => Ok(replay),
        Err(StoreError::Conflict(Conflict::ReplayName)) => Err(Refused(Refusal::NameTaken)),
        Err(StoreError::Conflict(Conflict::ReplayRunning)) => Err(Refused(Refusal::Running)),
        Err(error) => Err(error.into()),
    }
}
