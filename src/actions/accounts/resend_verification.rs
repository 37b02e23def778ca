//! The code that confirms an address once more, because the first mail was lost or is too old: `email_verification_requested`.

use watchword_events::{AuthEvent, EmailVerificationRequested};

use crate::actions::one_time_codes::{self, Recipient};
use crate::actions::rate_limits::charge_user;
use crate::actions::sessions::authenticate::{self, Identity};
use crate::actions::{Failure, Services};
use crate::domain::one_time_code::CodePurpose;
use crate::domain::request_metadata::RequestMetadata;
use crate::domain::user::email;
use crate::limits::RateLimit;

/// Why no mail is sent.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no mail server.
    #[error("no mail server is configured")]
    NoMail,
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

/// Writes the mail; nothing when the address is confirmed already, or has had as many mails as it may.
///
/// # Errors
/// [`Error`]; nothing is changed then.
pub async fn run(services: &Services, request: &RequestMetadata, caller: &Identity) -> Result<(), Error> {
    if !services.mail.delivers {
        return Err(Error::NoMail);
    }
    charge_user(services, request, caller, RateLimit::Resend).await?;
    let may_mail = one_time_codes::may_mail(services, request, &email::canonical(&caller.user.email)).await;
    let mut tx = services.store.begin(services.clock.now(), request).await?;
    let (user, mut lock) = authenticate::lock(services, &mut tx, caller)
        .await?
        .ok_or(Error::SessionEnded)?;
    if user.email_verified || !may_mail {
        return Ok(());
    }
    let recipient = Recipient {
        user: &user,
        password_hash: "",
    };
    one_time_codes::issue(services, &mut tx, CodePurpose::EmailVerification, Some(&recipient)).await?;
    let requested = AuthEvent::EmailVerificationRequested(EmailVerificationRequested {});
    tx.record(&mut lock, requested).await?;
    Ok(tx.commit().await?)
}
