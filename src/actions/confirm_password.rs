//! A signed-in user proves to know the password before something that a stolen session must not do. It is a guess at the password,
//! and counts as a login.

use secrecy::ExposeSecret as _;
use watchword_events::LoginFailedReason;

use super::attempts::reserve_password;
use super::authenticate::Identity;
use super::login::record_failure;
use super::{Auth, Failure};
use crate::domain::email;
use crate::domain::origin::Origin;
use crate::domain::password::Password;
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
pub(super) async fn run(auth: &Auth, origin: &Origin, who: &Identity, password: Password) -> Result<(), Error> {
    let found = auth
        .store
        .credentials_by_id(who.user.id)
        .await?
        .ok_or(Error::SessionEnded)?;
    if is_password_of(auth, origin, &found, password).await? {
        Ok(())
    } else {
        Err(Error::WrongPassword)
    }
}

/// Looks whether a password is the account's, and counts the try first; a wrong one is recorded as `login_failed`.
pub(super) async fn is_password_of(
    auth: &Auth,
    origin: &Origin,
    found: &Credentials,
    password: Password,
) -> Result<bool, Failure> {
    let identifier = email::canonical(&found.user.email);
    reserve_password(auth, origin, &identifier).await?;
    let stored: PasswordHash = found.password_hash.expose_secret().parse()?;
    if auth.hasher.verify(password, &stored).await?.ok {
        return Ok(true);
    }
    let reason = LoginFailedReason::WrongPassword;
    record_failure(auth, origin, &identifier, Some(found.user.id), reason).await?;
    Ok(false)
}
