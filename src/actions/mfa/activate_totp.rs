//! Activates a pending authenticator with its first code: `mfa_enrolled` and
//! `recovery_codes_generated`.

use secrecy::SecretString;
use time::Duration;
use watchword_events::{FactorType, MfaEnrolled};

use super::recovery_codes::replace;
use crate::actions::ActionError::{self, Refused};
use crate::actions::Context;
use crate::actions::rate_limits::charge_user;
use crate::actions::sessions::authenticate::{self, Identity};
use crate::domain::second_factor::FactorCode;
use crate::limits::RateLimit;
use crate::security::TotpSeed;

/// How long an authenticator may be pending.
const PENDING_TTL: Duration = Duration::minutes(15);

#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("no authenticator is pending")]
    NotPending,
    /// Not the authenticator's code, or its clock is wrong.
    #[error("the code is wrong")]
    WrongCode,
    #[error("the caller's session has ended")]
    SessionEnded,
}

/// Activate the authenticator: the user's logins need it from now on. Returns the recovery codes.
///
/// # Errors
/// [`Refusal`]; nothing has changed then.
pub async fn run(cx: Context, caller: Identity, code: FactorCode) -> Result<Vec<SecretString>, ActionError<Refusal>> {
    charge_user(&cx, &caller, RateLimit::Change).await?;
    let now = cx.now();
    let mut tx = authenticate::lock_caller(&cx, &caller, Refusal::SessionEnded).await?;
    // The password was verified at enrollment; that does not last forever.
    let oldest = now - PENDING_TTL;
    let found = tx.second_factor().await?;
    let pending = found.filter(|factor| !factor.confirmed && factor.created_at > oldest);
    let factor = pending.ok_or(Refused(Refusal::NotPending))?;
    let FactorCode::Totp(code) = code else {
        return Err(Refused(Refusal::WrongCode));
    };
    let seed = TotpSeed::open(&cx.services.secret, factor.id, &factor.sealed)?;
    let step = seed.verify(&code, now, factor.last_step);
    let step = step.ok_or(Refused(Refusal::WrongCode))?;
    if !tx.confirm_second_factor(&factor, step).await? {
        return Err(Refused(Refusal::NotPending));
    }
    let enrolled = MfaEnrolled {
        factor_id: factor.id.as_uuid(),
        factor_type: FactorType::Totp,
    };
    tx.record(enrolled).await?;
    let codes = replace(&cx, &mut tx, &factor).await?;
    tx.commit().await?;
    Ok(codes)
}
