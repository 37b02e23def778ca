//! Disables and enables users: `disabled`, `enabled`.

use watchword_events::{AccountStatus, Actor, Disabled, DisabledReason, Enabled, EnabledReason, SessionRevokedReason};

use super::admin_guard::{self, AdminGuard, Refusal};
use crate::actions::sessions::authenticate::Identity;
use crate::actions::sessions::ended;
use crate::actions::{ActionError, Context};
use crate::domain::ids::UserId;
use crate::domain::session::RevokeReason;
use crate::domain::user::version::Expected;
use crate::domain::user::{User, UserStatus};
use crate::store::{StoreError, UserTx};

/// Disable a user: refuse their logins and refreshes, and revoke their sessions. A disabled user is
/// left as is.
///
/// # Errors
/// [`Refusal`]; nothing has changed then.
pub async fn disable(
    cx: Context,
    caller: Identity,
    target: UserId,
    expected: Expected,
) -> Result<User, ActionError<Refusal>> {
    admin_guard::authorize(&cx, &caller).await?;
    let mut tx = admin_guard::lock_target(&cx, &caller, target, &expected, AdminGuard::Required).await?;
    if tx.user().status == UserStatus::Disabled {
        return Ok(tx.unchanged());
    }
    admin_guard::ensure_another_admin(&mut tx).await?;
    let policy = &cx.services.sessions;
    let ended = tx.revoke_sessions(None, RevokeReason::Disabled, policy).await?;
    tx.set_status(UserStatus::Disabled).await?;
    let disabled = |ended_session_ids| Disabled {
        reason: DisabledReason::Admin,
        status: AccountStatus::Disabled,
        ended_session_ids,
    };
    ended::record(&mut tx, admin_guard::actor(&caller), &ended, SessionRevokedReason::Disabled, disabled).await?;
    let user = tx.commit().await?;
    cx.services.session_cache.invalidate_sessions(&ended).await;
    Ok(user)
}

/// Enable a disabled user. An active user is left as is.
///
/// # Errors
/// [`Refusal`]; nothing has changed then.
pub async fn enable(
    cx: Context,
    caller: Identity,
    target: UserId,
    expected: Expected,
) -> Result<User, ActionError<Refusal>> {
    admin_guard::authorize(&cx, &caller).await?;
    // The user may be an administrator: take the lock so that a concurrent demotion of the caller
    // is seen.
    let tx = admin_guard::lock_target(&cx, &caller, target, &expected, AdminGuard::Required).await?;
    Ok(enable_as(admin_guard::actor(&caller), EnabledReason::Admin, &cx, tx).await?)
}

/// Enable a locked row's user.
pub(super) async fn enable_as(
    actor: Option<Actor>,
    reason: EnabledReason,
    cx: &Context,
    mut tx: UserTx<'_>,
) -> Result<User, StoreError> {
    if tx.user().status == UserStatus::Active {
        return Ok(tx.unchanged());
    }
    tx.set_status(UserStatus::Active).await?;
    let status = AccountStatus::Active;
    tx.record_as(actor, Enabled { reason, status }).await?;
    let user = tx.commit().await?;
    cx.services.session_cache.invalidate_user(user.id);
    Ok(user)
}
