//! Reads a user: any user for administrators, the caller for everyone else.

use crate::actions::sessions::authenticate::Identity;
use crate::actions::{Context, Failure};
use crate::domain::ids::UserId;
use crate::domain::user::User;

/// Read a user, deleted ones included; `None` when there is no such user, or none that the caller
/// may read.
///
/// # Errors
/// [`Failure`]
pub async fn run(cx: Context, caller: Identity, target: UserId) -> Result<Option<User>, Failure> {
    if !caller.user.is_admin() && target != caller.user.id {
        return Ok(None);
    }
    Ok(cx.services.store.user(target).await?)
}
