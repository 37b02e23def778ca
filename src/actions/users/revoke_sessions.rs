//! Revokes all sessions of a user: `session_revoked`.

use watchword_events::SessionRevokedReason;

use super::admin_guard::{self, AdminGuard, Refusal};
use crate::actions::sessions::authenticate::Identity;
use crate::actions::sessions::ended::record_revoked;
use crate::actions::{ActionError, Context};
use crate::domain::ids::UserId;
use crate::domain::session::RevokeReason;
use crate::domain::user::version::Expected;

/// Revoke all sessions of a user, the current one included when the caller is the user.
///
/// # Errors
/// [`Refusal`]; nothing has changed then.
pub async fn run(cx: Context, caller: Identity, target: UserId) -> Result<(), ActionError<Refusal>> {
    admin_guard::authorize(&cx, &caller).await?;
    let mut tx = admin_guard::lock_target(&cx, &caller, target, &Expected::Any, AdminGuard::NotNeeded).await?;
    let policy = &cx.services.sessions;
    let ended = tx.revoke_sessions(None, RevokeReason::Admin, policy).await?;
    if ended.is_empty() {
        return Ok(());
    }
    record_revoked(&mut tx, admin_guard::actor(&caller), &ended, SessionRevokedReason::Admin).await?;
    tx.commit().await?;
    cx.services.session_cache.invalidate_sessions(&ended).await;
    Ok(())
}
