//! Deletes a user: records `deleted` and revokes their sessions.

use watchword_events::{AccountStatus, Deleted, DeletedReason, SessionRevokedReason};

use super::admin_guard::{self, AdminGuard};
use crate::actions::ActionError::{self, Refused};
use crate::actions::Context;
use crate::actions::error::widen;
use crate::actions::sessions::authenticate::Identity;
use crate::actions::sessions::ended;
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
    let policy = &cx.services.sessions;
    let ended = tx.revoke_sessions(None, RevokeReason::Deleted, policy).await?;
    tx.delete_user().await?;
    let deleted = |ended_session_ids| Deleted {
        reason: DeletedReason::Admin,
        status: AccountStatus::Deleted,
        ended_session_ids,
    };
    ended::record(&mut tx, admin_guard::actor(&caller), &ended, SessionRevokedReason::Deleted, deleted).await?;
    tx.commit().await?;
    cx.services.session_cache.invalidate_sessions(&ended).await;
    Ok(())
}
