//! Removes the authenticator of a user who has lost it, and records `mfa_removed`.

use watchword_events::Actor;

use super::admin_guard::{self, AdminGuard, Refusal};
use crate::actions::ActionError::{self, Refused};
use crate::actions::Context;
use crate::actions::mfa::factor_events::mfa_removed;
use crate::actions::sessions::authenticate::Identity;
use crate::domain::ids::UserId;
use crate::domain::user::version::Expected;
use crate::store::{StoreError, UserTx};

/// Remove the authenticator and the recovery codes. Verify first who asks for it: logins then need
/// the password alone.
///
/// # Errors
/// [`Refusal`], [`Refusal::NotFound`] also for a user without an authenticator; nothing has changed
/// then.
pub async fn run(cx: Context, caller: Identity, target: UserId) -> Result<(), ActionError<Refusal>> {
    admin_guard::authorize(&cx, &caller).await?;
    let tx = admin_guard::lock_target(&cx, &caller, target, &Expected::Any, AdminGuard::NotNeeded).await?;
    if remove_as(admin_guard::actor(&caller), tx).await? {
        Ok(())
    } else {
        Err(Refused(Refusal::NotFound))
    }
}

/// Remove the authenticator of a locked row's user. Return whether there was one.
pub(super) async fn remove_as(actor: Option<Actor>, mut tx: UserTx<'_>) -> Result<bool, StoreError> {
    let Some(factor) = tx.second_factor_in_use().await? else {
        return Ok(false);
    };
    tx.remove_second_factor().await?;
    tx.record_as(actor, mfa_removed(&factor)).await?;
    tx.commit().await?;
    Ok(true)
}
