//! Password re-authentication before sensitive operations. It is an attempt at the password, and is
//! charged as a login.

use secrecy::ExposeSecret as _;
use watchword_events::LoginFailedReason;

use crate::actions::ActionError::{self, Refused};
use crate::actions::rate_limits::charge_password;
use crate::actions::sessions::authenticate::Identity;
use crate::actions::sessions::login::record_failure;
use crate::actions::{Context, Failure};
use crate::domain::password::Password;
use crate::security::PasswordHash;
use crate::store::Credentials;

#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("the password is wrong")]
    WrongPassword,
    #[error("the caller's session has ended")]
    SessionEnded,
}

/// Verify the caller's password; a wrong one is recorded as `login_failed`.
///
/// # Errors
/// [`Refusal`]
pub(in crate::actions) async fn run(
    cx: &Context,
    caller: &Identity,
    password: Password,
) -> Result<(), ActionError<Refusal>> {
    let found = cx.services.store.credentials_by_id(caller.user.id).await?;
    let found = found.ok_or(Refused(Refusal::SessionEnded))?;
    if is_password_of(cx, &found, password).await? {
        Ok(())
    } else {
        Err(Refused(Refusal::WrongPassword))
    }
}

/// Whether a password is the account's. The attempt is charged first; a wrong password is recorded
/// as `login_failed`.
///
/// # Errors
/// [`Failure`]
pub(in crate::actions) async fn is_password_of(
    cx: &Context,
    found: &Credentials,
    password: Password,
) -> Result<bool, Failure> {
    let identifier = found.user.email.canonical();
    charge_password(cx, identifier).await?;
    let stored: PasswordHash = found.password_hash.expose_secret().parse()?;
    if cx.services.hasher.verify(password, &stored).await?.ok {
        return Ok(true);
    }
    let reason = LoginFailedReason::WrongPassword;
    record_failure(cx, identifier, Some(found.user.id), reason).await?;
    Ok(false)
}
