//! Returns the progress of a replay, for administrators.

use uuid::Uuid;

use crate::actions::ActionError::{self, Refused};
use crate::actions::Context;
use crate::actions::sessions::authenticate::Identity;
use crate::store::Replay;

#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("the caller is not an administrator")]
    NotAdmin,
    #[error("no such replay")]
    NotFound,
}

/// Return a replay, also one that the command line started.
///
/// # Errors
/// [`Refusal`]
pub async fn run(cx: Context, caller: Identity, id: Uuid) -> Result<Replay, ActionError<Refusal>> {
    caller.require_admin(Refusal::NotAdmin)?;
    let found = cx.services.store.ledger().replay(id).await?;
    found.ok_or(Refused(Refusal::NotFound))
}
