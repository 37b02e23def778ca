//! The first code of an authenticator: from now on the user's logins need it. `mfa_enrolled` and `recovery_codes_generated`.

use secrecy::SecretString;
use time::Duration;
use watchword_events::{AuthEvent, FactorType, MfaEnrolled};

use super::recovery_codes::replace;
use crate::actions::rate_limits::charge_user;
use crate::actions::sessions::authenticate::{self, Identity};
use crate::actions::{Failure, Services};
use crate::domain::request_metadata::RequestMetadata;
use crate::domain::second_factor::FactorCode;
use crate::limits::RateLimit;
use crate::security::TotpSeed;

/// How long an authenticator may wait for its first code.
const WAITS: Duration = Duration::minutes(15);

/// Why the authenticator is not in use.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// None waits for its first code.
    #[error("no authenticator waits for its first code")]
    NotFound,
    /// The code is not the authenticator's, or its clock is off.
    #[error("the code is wrong")]
    WrongCode,
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

/// Takes the authenticator into use; answers the recovery codes.
///
/// # Errors
/// [`Error`]; nothing is changed then.
pub async fn run(
    services: &Services,
    request: &RequestMetadata,
    caller: &Identity,
    code: FactorCode,
) -> Result<Vec<SecretString>, Error> {
    charge_user(services, request, caller, RateLimit::Change).await?;
    let now = services.clock.now();
    let mut tx = services.store.begin(now, request).await?;
    let (user, mut lock) = authenticate::lock(services, &mut tx, caller)
        .await?
        .ok_or(Error::SessionEnded)?;
    // Whoever set it up proved to know the password then: that is not good for ever.
    let since = now - WAITS;
    let found = tx.second_factor(user.id).await?;
    let waiting = found.filter(|factor| !factor.confirmed && factor.created_at > since);
    let factor = waiting.ok_or(Error::NotFound)?;
    let FactorCode::Totp(code) = code else {
        return Err(Error::WrongCode);
    };
    let seed = TotpSeed::open(&services.secret, factor.id, &factor.sealed).map_err(Failure::from)?;
    let step = seed.step_of(&code, now, factor.last_step).ok_or(Error::WrongCode)?;
    if !tx.confirm_second_factor(&factor, step).await? {
        return Err(Error::NotFound);
    }
    let enrolled = MfaEnrolled {
        factor_id: factor.id.as_uuid(),
        factor_type: FactorType::Totp,
    };
    tx.record(&mut lock, AuthEvent::MfaEnrolled(enrolled)).await?;
    let codes = replace(services, &mut tx, &mut lock, &factor).await?;
    tx.commit().await?;
    Ok(codes)
}
