//! Reads a user: any user for administrators, the caller for everyone else.

use crate::actions::ActionError::{self, Refused};
use crate::actions::Context;
use crate::actions::sessions::authenticate::Identity;
use crate::domain::ids::UserId;
use crate::domain::user::User;

#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// No such user, or not the caller's to read; the caller cannot tell which.
    #[error("no such user")]
    NotFound,
}

/// Read a user, deleted ones included.
///
/// # Errors
/// [`Refusal`]
pub async fn run(cx: Context, caller: Identity, target: UserId) -> Result<User, ActionError<Refusal>> {
    if !caller.user.is_admin() && target != caller.user.id {
        return Err(Refused(Refusal::NotFound));
    }
    let user = cx.services.store.user(target).await?;
    user.ok_or(Refused(Refusal::NotFound))
}
