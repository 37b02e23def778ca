//! Confirms an address with the code that was mailed to it: `email_verified`.

use watchword_events::EmailVerified;

use crate::actions::ActionError::{self, Refused};
use crate::actions::rate_limits::charge_network;
use crate::actions::{Context, one_time_codes};
use crate::domain::one_time_code::{CodePurpose, OneTimeCode};
use crate::limits::RateLimit;

const PURPOSE: CodePurpose = CodePurpose::EmailVerification;

#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// Unknown, of another address, replaced by a newer one or expired; the client cannot tell
    /// which.
    #[error("the code is not valid")]
    InvalidCode,
}

/// Confirm the address. A code that is used again, by a mail scanner and then by its reader, finds
/// its address confirmed: nothing changes, and nothing is recorded.
///
/// # Errors
/// [`Refusal`]; nothing has changed then.
pub async fn run(cx: Context, code: OneTimeCode) -> Result<(), ActionError<Refusal>> {
    charge_network(&cx, RateLimit::Code).await?;
    let found = one_time_codes::find(&cx, PURPOSE, &code, cx.now()).await?;
    let owner = found.ok_or(Refused(Refusal::InvalidCode))?.owner.user.id;
    let redeemed = one_time_codes::redeem(&cx, PURPOSE, &code, owner).await?;
    let mut tx = redeemed.ok_or(Refused(Refusal::InvalidCode))?;
    if tx.user().email_verified {
        return Ok(());
    }
    tx.confirm_email().await?;
    tx.record(EmailVerified { email_verified: true }).await?;
    tx.commit().await?;
    cx.services.session_cache.invalidate_user(owner);
    Ok(())
}
