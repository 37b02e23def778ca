//! A signed-in user proves to know the password before something that a stolen session must not do. It is a guess at the password,
//! and counts as a login.

use secrecy::ExposeSecret as _;
use watchword_events::LoginFailedReason;

use crate::actions::rate_limits::charge_password;
use crate::actions::sessions::authenticate::Identity;
use crate::actions::sessions::login::record_failure;
use crate::actions::{Failure, Services};
use crate::domain::password::Password;
use crate::domain::request_metadata::RequestMetadata;
use crate::domain::user::email;
use crate::security::PasswordHash;
use crate::store::Credentials;

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The password is not the account's.
    #[error("the password is wrong")]
    WrongPassword,
    /// The account or the session ended meanwhile.
    #[error("the session has ended")]
    SessionEnded,
    /// Try later.
    #[error(transparent)]
    Failure(Failure),
}

impl<E> From<E> for Error
where
    Failure: From<E>,
{
    fn from(error: E) -> Self {
        Self::Failure(error.into())
    }
}

/// Checks the password; a wrong one is recorded as `login_failed`.
///
/// # Errors
/// [`Error`].
pub(in crate::actions) async fn run(
    services: &Services,
    request: &RequestMetadata,
    caller: &Identity,
    password: Password,
) -> Result<(), Error> {
    let found = services
        .store
        .credentials_by_id(caller.user.id)
        .await?
        .ok_or(Error::SessionEnded)?;
    if is_password_of(services, request, &found, password).await? {
        Ok(())
    } else {
        Err(Error::WrongPassword)
    }
}

/// Looks whether a password is the account's, and counts the try first; a wrong one is recorded as `login_failed`.
pub(in crate::actions) async fn is_password_of(
    services: &Services,
    request: &RequestMetadata,
    found: &Credentials,
    password: Password,
) -> Result<bool, Failure> {
    let identifier = email::canonical(&found.user.email);
    charge_password(services, request, &identifier).await?;
    let stored: PasswordHash = found.password_hash.expose_secret().parse()?;
    if services.hasher.verify(password, &stored).await?.ok {
        return Ok(true);
    }
    let reason = LoginFailedReason::WrongPassword;
    record_failure(services, request, &identifier, Some(found.user.id), reason).await?;
    Ok(false)
}
