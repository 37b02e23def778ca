//! Updates a user, any field for administrators: `email_changed`, `username_changed`, `updated`.

use super::admin_guard::{self, AdminGuard};
use crate::actions::ActionError::{self, Refused};
use crate::actions::Context;
use crate::actions::accounts::change::{self, Change};
use crate::actions::accounts::update;
use crate::actions::error::widen;
use crate::actions::sessions::authenticate::Identity;
use crate::domain::ids::UserId;
use crate::domain::user::User;
use crate::domain::user::version::Expected;

#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error(transparent)]
    Admin(#[from] admin_guard::Refusal),
    /// Of a caller who changes their own account.
    #[error(transparent)]
    Own(#[from] update::Refusal),
    #[error(transparent)]
    Change(#[from] change::Refusal),
}

/// Update a user. An update that changes nothing records no event.
///
/// # Errors
/// [`Refusal`]; nothing has changed then. To callers who are not administrators every other user is
/// not found.
pub async fn run(
    cx: Context,
    caller: Identity,
    target: UserId,
    expected: Expected,
    change: Change,
) -> Result<User, ActionError<Refusal>> {
    if !caller.user.is_admin() {
        if target != caller.user.id {
            return Err(Refused(admin_guard::Refusal::NotFound.into()));
        }
        return update::run(cx, caller, expected, change).await.map_err(widen);
    }
    admin_guard::authorize(&cx, &caller).await.map_err(widen)?;
    let locked = admin_guard::lock_target(&cx, &caller, target, &expected, AdminGuard::NotNeeded).await;
    let mut tx = locked.map_err(widen)?;
    let actor = admin_guard::actor(&caller).filter(|_| target != caller.user.id);
    if !change::apply(&cx, &mut tx, change, actor).await.map_err(widen)? {
        return Ok(tx.unchanged());
    }
    let user = tx.commit().await?;
    cx.services.session_cache.invalidate_user(user.id);
    Ok(user)
}
