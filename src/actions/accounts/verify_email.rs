//! An address is confirmed with the code that was mailed to it: `email_verified`.

use watchword_events::{AuthEvent, EmailVerified};

use crate::actions::one_time_codes::{self, Recipient};
use crate::actions::{Failure, Services};
use crate::domain::one_time_code::{CodePurpose, OneTimeCode};
use crate::domain::request_metadata::RequestMetadata;
use crate::limits::RateLimit;

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
pub async fn run(services: &Services, request: &RequestMetadata, code: Input) -> Result<(), Error> {
    let now = services.clock.now();
    services.limits.charge_network(RateLimit::Code, request.ip, now).await?;
    let found = one_time_codes::find(services, PURPOSE, &code, now)
        .await?
        .ok_or(Error::InvalidCode)?;
    let mut tx = services.store.begin(now, request).await?;
    let id = found.owner.user.id;
    let (credentials, mut lock) = tx.lock_credentials(id).await?.ok_or(Error::InvalidCode)?;
    if !one_time_codes::redeem(services, &mut tx, PURPOSE, &code, &Recipient::of(&credentials)).await? {
        return Err(Error::InvalidCode);
    }
    tx.confirm_email(id).await?;
    tx.record(&mut lock, AuthEvent::EmailVerified(EmailVerified {})).await?;
    tx.commit().await?;
    services.gate.changed(id);
    Ok(())
}
