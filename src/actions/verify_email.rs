//! An address is confirmed with the code that was mailed to it: `email_verified`.

use watchword_events::{AuthEvent, EmailVerified};

use super::codes::{self, Reader};
use super::{Auth, Failure};
use crate::domain::code::{CodePurpose, OneTimeCode};
use crate::domain::origin::Origin;
use crate::limits::Limited;

/// The code from the mail.
pub type Input = OneTimeCode;

/// Why the address is not confirmed by it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Unknown, used, replaced by a newer one or too old: the caller can't tell which.
    #[error("the code is not valid")]
    InvalidCode,
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

const PURPOSE: CodePurpose = CodePurpose::EmailVerification;

/// Confirms the address.
///
/// # Errors
/// [`Error`]; nothing is changed then.
pub async fn run(auth: &Auth, origin: &Origin, code: Input) -> Result<(), Error> {
    let now = auth.clock.now();
    auth.limits.reserve_network(Limited::Code, origin.ip, now).await?;
    let found = codes::find(auth, PURPOSE, &code, now)
        .await?
        .ok_or(Error::InvalidCode)?;
    let mut tx = auth.store.begin(now, origin).await?;
    let id = found.owner.user.id;
    let (credentials, mut lock) = tx.lock_credentials(id).await?.ok_or(Error::InvalidCode)?;
    if !codes::redeem(auth, &mut tx, PURPOSE, &code, &Reader::of(&credentials)).await? {
        return Err(Error::InvalidCode);
    }
    tx.confirm_email(id).await?;
    tx.record(&mut lock, AuthEvent::EmailVerified(EmailVerified {})).await?;
    tx.commit().await?;
    auth.gate.invalidate_user(id);
    Ok(())
}
