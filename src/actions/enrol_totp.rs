//! A user sets up an authenticator. It counts once its first code comes back ([`confirm_totp`](super::confirm_totp)).

use super::authenticate::Identity;
use super::confirm_password;
use super::{Auth, Failure};
use crate::domain::ids::FactorId;
use crate::domain::origin::Origin;
use crate::domain::password::Password;
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
    Password(confirm_password::Error),
    /// The user has an authenticator in use.
    #[error("an authenticator is in use")]
    AlreadyEnrolled,
}

impl<E> From<E> for Error
where
    confirm_password::Error: From<E>,
{
    fn from(error: E) -> Self {
        Self::Password(error.into())
    }
}

/// Makes a seed and keeps it sealed. What waited before is replaced. Nothing else changes yet, so nothing is recorded.
///
/// # Errors
/// [`Error`]; nothing is changed then, but a wrong password is recorded as `login_failed`.
pub async fn run(auth: &Auth, origin: &Origin, who: &Identity, password: Password) -> Result<Enrolment, Error> {
    confirm_password::run(auth, origin, who, password).await?;
    let now = auth.clock.now();
    let (factor_id, seed) = (FactorId::new_v7(now, &*auth.random), TotpSeed::generate(&*auth.random));
    let setup = seed
        .setup(&auth.second_factors.issuer, &who.user.email)
        .map_err(Failure::from)?;
    let sealed = seed
        .seal(&auth.secret, factor_id, &*auth.random)
        .map_err(Failure::from)?;
    let mut tx = auth.store.begin(now, origin).await?;
    if !tx.offer_second_factor(factor_id, who.user.id, sealed).await? {
        return Err(Error::AlreadyEnrolled);
    }
    tx.commit().await?;
    Ok(Enrolment { factor_id, setup })
}
