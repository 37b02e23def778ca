//! The code that confirms an address once more, because the first mail was lost or is too old: `email_verification_requested`.

use watchword_events::{AuthEvent, EmailVerificationRequested};

use super::attempts::reserve_for;
use super::authenticate::{self, Identity};
use super::codes::{self, Reader};
use super::{Auth, Failure};
use crate::domain::code::CodePurpose;
use crate::domain::email;
use crate::domain::origin::Origin;
use crate::limits::Limited;

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
pub async fn run(auth: &Auth, origin: &Origin, who: &Identity) -> Result<(), Error> {
    if !auth.mail.delivers {
        return Err(Error::NoMail);
    }
    reserve_for(auth, origin, who, Limited::Resend).await?;
    let may_mail = codes::may_mail(auth, origin, &email::canonical(&who.user.email)).await;
    let mut tx = auth.store.begin(auth.clock.now(), origin).await?;
    let (user, mut lock) = authenticate::lock(auth, &mut tx, who)
        .await?
        .ok_or(Error::SessionEnded)?;
    if user.email_verified || !may_mail {
        return Ok(());
    }
    let reader = Reader {
        user: &user,
        password_hash: "",
    };
    codes::issue(auth, &mut tx, CodePurpose::EmailVerification, Some(&reader)).await?;
    let requested = AuthEvent::EmailVerificationRequested(EmailVerificationRequested {});
    tx.record(&mut lock, requested).await?;
    Ok(tx.commit().await?)
}
