//! A forgotten password: a code by mail for whoever has the address, `password_reset_requested`, and nothing to be learnt.
//!
//! Whether an account has the address or not, the answer is the same after the same work: the same statements, one recorded
//! event, one commit. The mail is sent afterwards, at no moment that a client could measure.

use watchword_events::{AuthEvent, IdentifierHash, PasswordResetRequested};

use crate::actions::one_time_codes::{self, Recipient};
use crate::actions::{Failure, Services};
use crate::domain::ids::UserId;
use crate::domain::one_time_code::CodePurpose;
use crate::domain::request_metadata::RequestMetadata;
use crate::domain::user::UserStatus;
use crate::domain::user::email::Email;
use crate::limits::RateLimit;

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
pub async fn run(services: &Services, request: &RequestMetadata, email: Input) -> Result<(), Error> {
    if !services.mail.delivers {
        return Err(Error::NoMail);
    }
    let now = services.clock.now();
    services
        .limits
        .charge_network(RateLimit::Forgot, request.ip, now)
        .await?;
    let identifier_hash = IdentifierHash::from_mac(services.secret.identifier_hash(email.canonical()));
    // Being refused a mail keeps nobody from asking.
    let is_wanted = one_time_codes::may_mail(services, request, email.canonical()).await;
    let found = services.store.credentials_by_identifier(email.canonical()).await?;
    let id = found.filter(|_| is_wanted).map(|found| found.user.id);

    let mut tx = services.store.begin(now, request).await?;
    let (credentials, lock) = tx.lock_credentials(id.unwrap_or(UserId::NIL)).await?.unzip();
    let recipient = credentials.as_ref().map(Recipient::of);
    let recipient = recipient.filter(|recipient| recipient.user.status == UserStatus::Active);
    one_time_codes::issue(services, &mut tx, CodePurpose::PasswordReset, recipient.as_ref()).await?;
    let requested = AuthEvent::PasswordResetRequested(PasswordResetRequested {
        identifier_hash,
        ip: request.ip,
        user_agent: request.user_agent.clone(),
    });
    tx.record_about(lock, requested).await?;
    Ok(tx.commit().await?)
}
