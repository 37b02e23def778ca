//! Revokes the caller's sessions: one of them, or all but the current one. Records
//! `session_revoked`.

use watchword_events::SessionRevokedReason;

use super::authenticate::{self, Identity};
use super::ended::record_revoked;
use crate::actions::ActionError::{self, Refused};
use crate::actions::Context;
use crate::actions::rate_limits::charge_user;
use crate::domain::ids::SessionId;
use crate::domain::session::RevokeReason;
use crate::limits::RateLimit;

#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("the caller's session has ended")]
    SessionEnded,
    /// The caller has no such live session.
    #[error("no such session")]
    NotFound,
}

/// Revoke one session.
///
/// # Errors
/// [`Refusal`]; nothing has changed then.
pub async fn run(cx: Context, caller: Identity, session: SessionId) -> Result<(), ActionError<Refusal>> {
    charge_user(&cx, &caller, RateLimit::Change).await?;
    let mut tx = authenticate::lock_caller(&cx, &caller, Refusal::SessionEnded).await?;
    let policy = &cx.services.sessions;
    if !tx.revoke_session(session, RevokeReason::Logout, policy).await? {
        forget_sessions(&cx, &caller);
        return Err(Refused(Refusal::NotFound));
    }
    record_revoked(&mut tx, None, &[session], SessionRevokedReason::Logout).await?;
    tx.commit().await?;
    cx.services.session_cache.invalidate_sessions(&[session]).await;
    Ok(())
}

/// Revoke all sessions but the current one.
///
/// # Errors
/// [`Refusal`]; nothing has changed then.
pub async fn others(cx: Context, caller: Identity) -> Result<(), ActionError<Refusal>> {
    charge_user(&cx, &caller, RateLimit::Change).await?;
    let mut tx = authenticate::lock_caller(&cx, &caller, Refusal::SessionEnded).await?;
    let (current, policy) = (Some(caller.session_id), &cx.services.sessions);
    let ended = tx.revoke_sessions(current, RevokeReason::Logout, policy).await?;
    if ended.is_empty() {
        forget_sessions(&cx, &caller);
        return Ok(());
    }
    record_revoked(&mut tx, None, &ended, SessionRevokedReason::Logout).await?;
    tx.commit().await?;
    cx.services.session_cache.invalidate_sessions(&ended).await;
    Ok(())
}

/// Another instance may have ended them: after the answer they are refused here at once, too.
fn forget_sessions(cx: &Context, caller: &Identity) {
    cx.services.session_cache.invalidate_user(caller.user.id);
}
