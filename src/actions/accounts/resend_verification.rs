//! Mails the code that confirms an address again: `email_verification_requested`.

use watchword_events::EmailVerificationRequested;

use crate::actions::ActionError::{self, Refused};
use crate::actions::Context;
use crate::actions::one_time_codes::{self, Recipient};
use crate::actions::rate_limits::charge_user;
use crate::actions::sessions::authenticate::{self, Identity};
use crate::domain::one_time_code::CodePurpose;
use crate::limits::RateLimit;

#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("no mail server is configured")]
    MailNotConfigured,
    #[error("the caller's session has ended")]
    SessionEnded,
}

/// Mail the code; nothing when the address is confirmed, or has had as many emails as it may.
///
/// # Errors
/// [`Refusal`]; nothing has changed then.
pub async fn run(cx: Context, caller: Identity) -> Result<(), ActionError<Refusal>> {
    if !cx.services.mail.delivers {
        return Err(Refused(Refusal::MailNotConfigured));
    }
    charge_user(&cx, &caller, RateLimit::Resend).await?;
    let may_mail = one_time_codes::may_mail(&cx, caller.user.email.canonical()).await;
    let mut tx = authenticate::lock_caller(&cx, &caller, Refusal::SessionEnded).await?;
    if tx.user().email_verified || !may_mail {
        return Ok(());
    }
    let recipient = Recipient::without_password(tx.user());
    one_time_codes::issue(&cx, &mut tx, CodePurpose::EmailVerification, Some(&recipient)).await?;
    tx.record(EmailVerificationRequested {}).await?;
    tx.commit().await?;
    Ok(())
}
