//! Unlocks a user: resets the account's login rate limit and records `unlocked`.

use watchword_events::{Unlocked, UnlockedReason};

use super::admin_guard::{self, AdminGuard, Refusal};
use crate::actions::rate_limits::reset_account;
use crate::actions::sessions::authenticate::Identity;
use crate::actions::{ActionError, Context};
use crate::domain::ids::UserId;
use crate::domain::user::version::Expected;

/// Unlock a user, by email address and by username. Limits of networks still apply.
///
/// # Errors
/// [`Refusal`]; nothing has changed then.
pub async fn run(cx: Context, caller: Identity, target: UserId) -> Result<(), ActionError<Refusal>> {
    admin_guard::authorize(&cx, &caller).await?;
    let mut tx = admin_guard::lock_target(&cx, &caller, target, &Expected::Any, AdminGuard::NotNeeded).await?;
    let reason = UnlockedReason::Admin;
    tx.record_as(admin_guard::actor(&caller), Unlocked { reason }).await?;
    let user = tx.commit().await?;
    reset_account(&cx, &user).await;
    Ok(())
}
