//! Unlocks a user: resets the account's login rate limit and records `unlocked`.

use watchword_events::{Actor, Unlocked, UnlockedReason};

use super::admin_guard::{self, AdminGuard, Refusal};
use crate::actions::rate_limits::reset_account;
use crate::actions::sessions::authenticate::Identity;
use crate::actions::{ActionError, Context};
use crate::domain::ids::UserId;
use crate::domain::user::version::Expected;
use crate::store::{StoreError, UserTx};

/// Unlock a user, by email address and by username. Limits of networks still apply.
///
/// # Errors
/// [`Refusal`]; nothing has changed then.
pub async fn run(cx: Context, caller: Identity, target: UserId) -> Result<(), ActionError<Refusal>> {
    admin_guard::authorize(&cx, &caller).await?;
    let tx = admin_guard::lock_target(&cx, &caller, target, &Expected::Any, AdminGuard::NotNeeded).await?;
    Ok(unlock_as(admin_guard::actor(&caller), UnlockedReason::Admin, &cx, tx).await?)
}

/// Unlock a locked row's user.
pub(super) async fn unlock_as(
    actor: Option<Actor>,
    reason: UnlockedReason,
    cx: &Context,
    mut tx: UserTx<'_>,
) -> Result<(), StoreError> {
    tx.record_as(actor, Unlocked { reason }).await?;
    let user = tx.commit().await?;
    reset_account(cx, &user).await;
    Ok(())
}
