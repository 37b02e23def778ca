//! Guards administrators' changes: who may change whom, in which version, and who acted.

use watchword_events::Actor;

use crate::actions::ActionError::{self, Refused};
use crate::actions::Context;
use crate::actions::rate_limits::charge_user;
use crate::actions::sessions::authenticate::Identity;
use crate::domain::ids::UserId;
use crate::domain::session::SessionState;
use crate::domain::user::UserStatus;
use crate::domain::user::version::Expected;
use crate::limits::RateLimit;
use crate::store::{Tx, UserTx};

#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("the caller is not an administrator")]
    Forbidden,
    #[error("the caller's session has ended")]
    SessionEnded,
    /// The user does not exist or is deleted.
    #[error("no such user")]
    NotFound,
    #[error("the user is not of an expected version")]
    Stale,
    #[error("the user is the last active administrator")]
    LastAdministrator,
}

/// Whether a change needs the lock of the administrators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::actions) enum AdminGuard {
    NotNeeded,
    /// The change makes or unmakes an administrator; only one such change happens at a time.
    Required,
}

/// Charge the caller, who must be an administrator.
pub(in crate::actions) async fn authorize(cx: &Context, caller: &Identity) -> Result<(), ActionError<Refusal>> {
    caller.require_admin(Refusal::Forbidden)?;
    Ok(charge_user(cx, caller, RateLimit::Change).await?)
}

/// Check inside the transaction that the caller still is an administrator.
pub(in crate::actions) async fn recheck_admin(
    cx: &Context,
    tx: &mut Tx<'_>,
    caller: &Identity,
) -> Result<(), ActionError<Refusal>> {
    let Some((session, user)) = tx.session_with_user(caller.session_id).await? else {
        return Err(Refused(Refusal::SessionEnded));
    };
    if session.state(tx.now(), &cx.services.sessions) != SessionState::Active || user.status != UserStatus::Active {
        return Err(Refused(Refusal::SessionEnded));
    }
    if user.is_admin() {
        Ok(())
    } else {
        Err(Refused(Refusal::Forbidden))
    }
}

/// Begin a transaction and lock the user to change.
pub(in crate::actions) async fn lock_target<'a>(
    cx: &'a Context,
    caller: &Identity,
    target: UserId,
    expected: &Expected,
    guard: AdminGuard,
) -> Result<UserTx<'a>, ActionError<Refusal>> {
    let mut tx = cx.begin().await?;
    if guard == AdminGuard::Required {
        tx.guard_admins().await?;
    }
    recheck_admin(cx, &mut tx, caller).await?;
    let tx = tx.lock_user(target).await?.ok_or(Refused(Refusal::NotFound))?;
    // Another instance may have made the change already, so that nothing is left to do: after the
    // answer it holds here at once, too.
    cx.services.session_cache.invalidate_user(target);
    if tx.user().status == UserStatus::Deleted {
        return Err(Refused(Refusal::NotFound));
    }
    if !expected.is_met_by(tx.user()) {
        return Err(Refused(Refusal::Stale));
    }
    Ok(tx)
}

/// Refuse to take the last active administrator away. It holds to the end of a transaction with
/// [`AdminGuard::Required`].
pub(in crate::actions) async fn ensure_another_admin(tx: &mut UserTx<'_>) -> Result<(), ActionError<Refusal>> {
    let counts = tx.user().is_admin() && tx.user().status == UserStatus::Active;
    if counts && !tx.another_admin_exists().await? {
        return Err(Refused(Refusal::LastAdministrator));
    }
    Ok(())
}

/// The administrator, as events name them.
pub(in crate::actions) fn actor(caller: &Identity) -> Option<Actor> {
    Some(Actor::admin(caller.user.id.as_uuid()))
}
