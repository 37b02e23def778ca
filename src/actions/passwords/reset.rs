//! Sets a new password with a mailed code: `password_reset_completed`, and every session ends with
//! the old password.

use watchword_events::{PasswordResetCompleted, SessionRevokedReason};

use super::user_inputs::password_user_inputs;
use crate::actions::ActionError::{self, Refused};
use crate::actions::mfa::factor_events::mfa_removed;
use crate::actions::rate_limits::{charge_network, trust_network_of};
use crate::actions::sessions::ended;
use crate::actions::{Context, one_time_codes};
use crate::domain::one_time_code::{CodePurpose, OneTimeCode};
use crate::domain::password::Password;
use crate::domain::session::RevokeReason;
use crate::domain::text::TextError;
use crate::limits::RateLimit;

const PURPOSE: CodePurpose = CodePurpose::PasswordReset;

pub struct Input {
    pub code: OneTimeCode,
    /// Not checked against the policy yet.
    pub password: Password,
}

#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// Unknown, used, replaced by a newer one or expired; the client cannot tell which.
    #[error("the code is not valid")]
    InvalidCode,
    /// The code stays usable.
    #[error("the new password {0}")]
    NewPassword(TextError),
}

/// Set the new password.
///
/// # Errors
/// [`Refusal`]; nothing has changed then.
pub async fn run(cx: Context, input: Input) -> Result<(), ActionError<Refusal>> {
    let services = &cx.services;
    charge_network(&cx, RateLimit::Code).await?;
    // Verified first, so that the service hashes nothing for clients without a code.
    let found = one_time_codes::find(&cx, PURPOSE, &input.code, cx.now()).await?;
    let owner = found.ok_or(Refused(Refusal::InvalidCode))?.owner.user;
    let words = password_user_inputs(&cx, &owner.email, owner.username.as_ref(), owner.name.as_ref());
    let allowed = services.passwords.check(&input.password, &words);
    allowed.map_err(|error| Refused(Refusal::NewPassword(error)))?;
    let hash = services.hasher.hash(input.password).await?.into_string().into();

    let redeemed = one_time_codes::redeem(&cx, PURPOSE, &input.code, owner.id).await?;
    let mut tx = redeemed.ok_or(Refused(Refusal::InvalidCode))?;
    // An account registered without the mailbox must not keep the mailbox's owner out with an
    // authenticator.
    let squatted = if tx.user().email_verified {
        None
    } else {
        tx.second_factor_in_use().await?
    };
    let ended = tx.revoke_sessions(None, RevokeReason::PasswordReset, &services.sessions).await?;
    tx.set_password(&hash).await?;
    let completed = |ended_session_ids| PasswordResetCompleted { ended_session_ids };
    ended::record(&mut tx, None, &ended, SessionRevokedReason::PasswordReset, completed).await?;
    if let Some(factor) = squatted {
        tx.remove_second_factor().await?;
        tx.record(mfa_removed(&factor)).await?;
    }
    tx.commit().await?;
    services.session_cache.invalidate_sessions(&ended).await;
    // The mailbox proves the owner: strangers who use up the account's limits do not keep them out
    // from here.
    trust_network_of(&cx, &owner).await;
    Ok(())
}
