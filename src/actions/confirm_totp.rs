//! The first code of an authenticator: from now on the user's logins need it. `mfa_enrolled` and `recovery_codes_generated`.

use secrecy::SecretString;
use time::Duration;
use watchword_events::{AuthEvent, FactorType, MfaEnrolled};

use super::attempts::reserve_for;
use super::authenticate::{self, Identity};
use super::recovery_codes::replace;
use super::{Auth, Failure};
use crate::domain::origin::Origin;
use crate::domain::second_factor::FactorCode;
use crate::limits::Limited;
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
pub async fn run(auth: &Auth, origin: &Origin, who: &Identity, code: FactorCode) -> Result<Vec<SecretString>, Error> {
    reserve_for(auth, origin, who, Limited::Change).await?;
    let now = auth.clock.now();
    let mut tx = auth.store.begin(now, origin).await?;
    let (user, mut lock) = authenticate::lock(auth, &mut tx, who)
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
    let seed = TotpSeed::open(&auth.secret, factor.id, &factor.sealed).map_err(Failure::from)?;
    let step = seed.verify(&code, now, factor.last_step).ok_or(Error::WrongCode)?;
    if !tx.confirm_second_factor(&factor, step).await? {
        return Err(Error::NotFound);
    }
    let enrolled = MfaEnrolled {
        factor_id: factor.id.as_uuid(),
        factor_type: FactorType::Totp,
    };
    tx.record(&mut lock, AuthEvent::MfaEnrolled(enrolled)).await?;
    let codes = replace(auth, &mut tx, &mut lock, &factor).await?;
    tx.commit().await?;
    Ok(codes)
}
