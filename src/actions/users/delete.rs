//! Deletes a user: records `deleted` and revokes their sessions.

use watchword_events::{Deleted, DeletedReason};

use super::admin_guard::{self, AdminGuard};
use crate::actions::ActionError::{self, Refused};
use crate::actions::Context;
use crate::actions::error::widen;
use crate::actions::sessions::authenticate::Identity;
use crate::domain::ids::UserId;
use crate::domain::session::RevokeReason;
use crate::domain::user::version::Expected;

#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// Callers delete their own account with their password (`accounts::delete`).
    #[error("the account is the caller's own")]
    OwnAccount,
    #[error(transparent)]
    Admin(#[from] admin_guard::Refusal),
}

/// Delete a user.
///
/// # Errors
/// [`Refusal`]; nothing has changed then.
pub async fn run(
    cx: Context,
    caller: Identity,
    target: UserId,
    expected: Expected,
) -> Result<(), ActionError<Refusal>> {
    admin_guard::authorize(&cx, &caller).await.map_err(widen)?;
    if target == caller.user.id {
        return Err(Refused(Refusal::OwnAccount));
    }
    let locked = admin_guard::lock_target(&cx, &caller, target, &expected, AdminGuard::Required).await;
    let mut tx = locked.map_err(widen)?;
    admin_guard::ensure_another_admin(&mut tx).await.map_err(widen)?;
    tx.delete_user().await?;
    let policy = &cx.services.sessions;
    let ended = tx.revoke_sessions(None, RevokeReason::Deleted, policy).await?;
    let reason = DeletedReason::Admin;
    tx.record_as(admin_guard::actor(&caller), Deleted { reason }).await?;
    tx.commit().await?;
    cx.services.session_cache.invalidate_sessions(&ended).await;
    Ok(())
}
