//! New recovery codes in place of the old ones: `recovery_codes_generated`.

use secrecy::SecretString;
use watchword_events::{AuthEvent, FactorType, RecoveryCodesGenerated};

use super::authenticate::{self, Identity};
use super::confirm_password;
use super::{Auth, Failure};
use crate::domain::origin::Origin;
use crate::domain::password::Password;
use crate::domain::second_factor::SealedFactor;
use crate::security::RecoveryCodes;
use crate::store::{Tx, UserLock};

/// Why there are no new ones.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The password was not confirmed.
    #[error(transparent)]
    Password(confirm_password::Error),
    /// The user has no second factor.
    #[error("there is no second factor")]
    NotFound,
}

impl<E> From<E> for Error
where
    confirm_password::Error: From<E>,
{
    fn from(error: E) -> Self {
        Self::Password(error.into())
    }
}

/// Makes them.
///
/// # Errors
/// [`Error`]; nothing is changed then, but a wrong password is recorded as `login_failed`.
pub async fn run(auth: &Auth, origin: &Origin, who: &Identity, password: Password) -> Result<Vec<SecretString>, Error> {
    confirm_password::run(auth, origin, who, password).await?;
    let mut tx = auth.store.begin(auth.clock.now(), origin).await?;
    let (user, mut lock) = authenticate::lock(auth, &mut tx, who)
        .await?
        .ok_or(confirm_password::Error::SessionEnded)?;
    let in_use = tx.second_factor_in_use(user.id).await?;
    let factor = in_use.ok_or(Error::NotFound)?;
    let codes = replace(auth, &mut tx, &mut lock, &factor).await?;
    tx.commit().await?;
    Ok(codes)
}

/// Replaces the recovery codes of the locked user.
pub(super) async fn replace(
    auth: &Auth,
    tx: &mut Tx<'_>,
    lock: &mut UserLock,
    factor: &SealedFactor,
) -> Result<Vec<SecretString>, Failure> {
    let codes = RecoveryCodes::generate(&auth.secret, factor.user_id, &*auth.random)?;
    tx.set_recovery_codes(factor.user_id, &codes.hashes).await?;
    let generated = RecoveryCodesGenerated {
        factor_id: factor.id.as_uuid(),
        factor_type: FactorType::Totp,
    };
    tx.record(lock, AuthEvent::RecoveryCodesGenerated(generated)).await?;
    Ok(codes.texts)
}
