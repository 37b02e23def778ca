//! Mails a code to reset a forgotten password: `password_reset_requested`, and nothing that tells
//! which accounts exist.
//!
//! Whether or not an account has the address, the response is the same for the same work: the same
//! statements, one recorded event, one commit. The email is sent later, at no moment that a client
//! could measure.

use watchword_events::{IdentifierHash, PasswordResetRequested};

use crate::actions::ActionError::{self, Refused};
use crate::actions::Context;
use crate::actions::one_time_codes::{self, Recipient};
use crate::actions::rate_limits::charge_network;
use crate::domain::one_time_code::CodePurpose;
use crate::domain::user::UserStatus;
use crate::domain::user::email::Email;
use crate::limits::RateLimit;

#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("no mail server is configured")]
    MailNotConfigured,
}

/// Mail a code, if an active account has the address.
///
/// # Errors
/// [`Refusal`]; nothing has changed then. It does not depend on which accounts exist.
pub async fn run(cx: Context, email: Email) -> Result<(), ActionError<Refusal>> {
    let services = &cx.services;
    if !services.mail.delivers {
        return Err(Refused(Refusal::MailNotConfigured));
    }
    charge_network(&cx, RateLimit::Forgot).await?;
    let identifier_hash = IdentifierHash::from_mac(services.secret.identifier_hash(email.canonical()));
    // An address that has had too many emails is answered like any other.
    let may_mail = one_time_codes::may_mail(&cx, email.canonical()).await;
    let found = services.store.credentials_by_identifier(email.canonical()).await?;
    let id = found.filter(|_| may_mail).map(|found| found.user.id);

    let (mut tx, credentials) = cx.begin().await?.lock_any(id).await?;
    let recipient = credentials
        .filter(|found| found.user.status == UserStatus::Active)
        .map(|found| Recipient::new(&found.user, &found.password_hash));
    one_time_codes::issue(&cx, &mut tx, CodePurpose::PasswordReset, recipient.as_ref()).await?;
    let requested = PasswordResetRequested {
        identifier_hash,
        ip: cx.request.ip,
        user_agent: cx.request.user_agent.clone(),
    };
    tx.record(requested).await?;
    Ok(tx.commit().await?)
}
