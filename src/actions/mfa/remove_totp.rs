//! Removes the caller's authenticator: `mfa_removed`. Logins need the password alone again.

use watchword_events::ReauthenticationOperation;

use super::factor_events::mfa_removed;
use super::recovery_codes::{Refusal, lock_factor};
use crate::actions::error::widen;
use crate::actions::passwords::confirm;
use crate::actions::sessions::authenticate::Identity;
use crate::actions::{ActionError, Context};
use crate::domain::password::Password;

/// Delete the authenticator, the recovery codes, and the logins that wait for one of them.
///
/// # Errors
/// [`Refusal`]; nothing has changed then. A wrong password is recorded as
/// `reauthentication_failed`.
pub async fn run(cx: Context, caller: Identity, password: Password) -> Result<(), ActionError<Refusal>> {
    let operation = ReauthenticationOperation::RemoveTotp;
    confirm::run(&cx, &caller, password, operation).await.map_err(widen)?;
    let (mut tx, factor) = lock_factor(&cx, &caller).await?;
    tx.remove_second_factor().await?;
    tx.record(mfa_removed(&factor)).await?;
    tx.commit().await?;
    Ok(())
}
