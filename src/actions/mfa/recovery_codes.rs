//! New recovery codes in place of the old ones: `recovery_codes_generated`.

use secrecy::SecretString;
use watchword_events::{AuthEvent, FactorType, RecoveryCodesGenerated};

use crate::actions::passwords::confirm;
use crate::actions::sessions::authenticate::{self, Identity};
use crate::actions::{Failure, Services};
use crate::domain::password::Password;
use crate::domain::request_metadata::RequestMetadata;
use crate::domain::second_factor::SealedFactor;
use crate::security::RecoveryCodes;
use crate::store::{Tx, UserLock};

/// Why there are no new ones.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The password was not confirmed.
    #[error(transparent)]
    Password(confirm::Error),
    /// The user has no second factor.
    #[error("there is no second factor")]
    NotFound,
}

impl<E> From<E> for Error
where
    confirm::Error: From<E>,
{
    fn from(error: E) -> Self {
        Self::Password(error.into())
    }
}

/// Makes them.
///
/// # Errors
/// [`Error`]; nothing is changed then, but a wrong password is recorded as `login_failed`.
pub async fn run(
    services: &Services,
    request: &RequestMetadata,
    caller: &Identity,
    password: Password,
) -> Result<Vec<SecretString>, Error> {
    confirm::run(services, request, caller, password).await?;
    let mut tx = services.store.begin(services.clock.now(), request).await?;
    let (user, mut lock) = authenticate::lock(services, &mut tx, caller)
        .await?
        .ok_or(confirm::Error::SessionEnded)?;
    let in_use = tx.second_factor_in_use(user.id).await?;
    let factor = in_use.ok_or(Error::NotFound)?;
    let codes = replace(services, &mut tx, &mut lock, &factor).await?;
    tx.commit().await?;
    Ok(codes)
}

/// Replaces the recovery codes of the locked user.
pub(in crate::actions) async fn replace(
    services: &Services,
    tx: &mut Tx<'_>,
    lock: &mut UserLock,
    factor: &SealedFactor,
) -> Result<Vec<SecretString>, Failure> {
    let codes = RecoveryCodes::generate(&services.secret, factor.user_id, &*services.random)?;
    tx.set_recovery_codes(factor.user_id, &codes.hashes).await?;
    let generated = RecoveryCodesGenerated {
        factor_id: factor.id.as_uuid(),
        factor_type: FactorType::Totp,
    };
    tx.record(lock, AuthEvent::RecoveryCodesGenerated(generated)).await?;
    Ok(codes.texts)
}
