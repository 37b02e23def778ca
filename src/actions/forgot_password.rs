//! A forgotten password: a code by mail for whoever has the address, `password_reset_requested`, and nothing to be learnt.
//!
//! Whether an account has the address or not, the answer is the same after the same work: the same statements, one recorded
//! event, one commit. The mail is sent afterwards, at no moment that a client could measure.

use watchword_events::{AuthEvent, IdentifierHash, PasswordResetRequested};

use super::codes::{self, Reader};
use super::{Auth, Failure};
use crate::domain::code::CodePurpose;
use crate::domain::email::Email;
use crate::domain::ids::UserId;
use crate::domain::origin::Origin;
use crate::domain::user::UserStatus;
use crate::limits::Limited;

/// The address of the account.
pub type Input = Email;

/// Why nobody gets a mail.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no mail server.
    #[error("no mail server is configured")]
    NoMail,
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

/// Writes the mail, if an account that may log in has the address.
///
/// # Errors
/// [`Error`]; nothing is changed then. Which accounts there are makes no difference to them.
pub async fn run(auth: &Auth, origin: &Origin, email: Input) -> Result<(), Error> {
    if !auth.mail.delivers {
        return Err(Error::NoMail);
    }
    let now = auth.clock.now();
    auth.limits.reserve_network(Limited::Forgot, origin.ip, now).await?;
    let identifier_hash = IdentifierHash::from_mac(auth.secret.identifier_hash(email.canonical()));
    // Being refused a mail keeps nobody from asking.
    let is_wanted = codes::may_mail(auth, origin, email.canonical()).await;
    let found = auth.store.credentials_by_identifier(email.canonical()).await?;
    let id = found.filter(|_| is_wanted).map(|found| found.user.id);

    let mut tx = auth.store.begin(now, origin).await?;
    let (credentials, lock) = tx.lock_credentials(id.unwrap_or(UserId::NIL)).await?.unzip();
    let reader = credentials.as_ref().map(Reader::of);
    let reader = reader.filter(|reader| reader.user.status == UserStatus::Active);
    codes::issue(auth, &mut tx, CodePurpose::PasswordReset, reader.as_ref()).await?;
    let requested = AuthEvent::PasswordResetRequested(PasswordResetRequested {
        identifier_hash,
        ip: origin.ip,
        user_agent: origin.user_agent.clone(),
    });
    tx.record_about(lock, requested).await?;
    Ok(tx.commit().await?)
}
