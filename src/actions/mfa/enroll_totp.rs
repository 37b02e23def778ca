//! A user sets up an authenticator. It counts once its first code comes back ([`confirm_totp`](super::activate_totp)).

use crate::actions::passwords::confirm;
use crate::actions::sessions::authenticate::Identity;
use crate::actions::{Failure, Services};
use crate::domain::ids::FactorId;
use crate::domain::password::Password;
use crate::domain::request_metadata::RequestMetadata;
use crate::security::{TotpSeed, TotpSetup};

/// An authenticator that waits for its first code.
pub struct Enrolment {
    /// Its id.
    pub factor_id: FactorId,
    /// What the authenticator needs.
    pub setup: TotpSetup,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The password was not confirmed.
    #[error(transparent)]
    Password(confirm::Error),
    /// The user has an authenticator in use.
    #[error("an authenticator is in use")]
    AlreadyEnrolled,
}

impl<E> From<E> for Error
where
    confirm::Error: From<E>,
{
    fn from(error: E) -> Self {
        Self::Password(error.into())
    }
}

/// Makes a seed and keeps it sealed. What waited before is replaced. Nothing else changes yet, so nothing is recorded.
///
/// # Errors
/// [`Error`]; nothing is changed then, but a wrong password is recorded as `login_failed`.
pub async fn run(
    services: &Services,
    request: &RequestMetadata,
    caller: &Identity,
    password: Password,
) -> Result<Enrolment, Error> {
    confirm::run(services, request, caller, password).await?;
    let now = services.clock.now();
    let (factor_id, seed) = (
        FactorId::new_v7(now, &*services.random),
        TotpSeed::generate(&*services.random),
    );
    let setup = seed
        .setup(&services.second_factors.issuer, &caller.user.email)
        .map_err(Failure::from)?;
    let sealed = seed
        .seal(&services.secret, factor_id, &*services.random)
        .map_err(Failure::from)?;
    let mut tx = services.store.begin(now, request).await?;
    if !tx.upsert_pending_factor(factor_id, caller.user.id, sealed).await? {
        return Err(Error::AlreadyEnrolled);
    }
    tx.commit().await?;
    Ok(Enrolment { factor_id, setup })
}
