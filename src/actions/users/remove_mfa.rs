//! Removes the authenticator of a user who has lost it, and records `mfa_removed`.

use super::admin_guard::{self, AdminGuard, Refusal};
use crate::actions::ActionError::{self, Refused};
use crate::actions::Context;
use crate::actions::mfa::factor_events::mfa_removed;
use crate::actions::sessions::authenticate::Identity;
use crate::domain::ids::UserId;
use crate::domain::user::version::Expected;

/// Remove the authenticator and the recovery codes. Verify first who asks for it: logins then need
/// the password alone.
///
/// # Errors
/// [`Refusal`], [`Refusal::NotFound`] also for a user without an authenticator; nothing has changed
/// then.
pub async fn run(cx: Context, caller: Identity, target: UserId) -> Result<(), ActionError<Refusal>> {
    admin_guard::authorize(&cx, &caller).await?;
    let mut tx = admin_guard::lock_target(&cx, &caller, target, &Expected::Any, AdminGuard::NotNeeded).await?;
    let factor = tx.second_factor_in_use().await?.ok_or(Refused(Refusal::NotFound))?;
    tx.remove_second_factor().await?;
    tx.record_as(admin_guard::actor(&caller), mfa_removed(&factor)).await?;
    tx.commit().await?;
    Ok(())
}
