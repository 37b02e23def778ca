//! A user's second factors, without any secret.

use time::OffsetDateTime;

use crate::actions::sessions::authenticate::Identity;
use crate::actions::{Failure, Services};
use crate::domain::ids::FactorId;

/// What a user has.
pub struct Factors {
    /// The authenticator in use.
    pub totp: Option<Totp>,
    /// Recovery codes that were not used yet.
    pub recovery_codes_left: u64,
}

/// An authenticator.
pub struct Totp {
    /// Its id, as in events.
    pub id: FactorId,
    /// When it was set up.
    pub created_at: OffsetDateTime,
}

/// Reads them.
///
/// # Errors
/// [`Failure`] of the database.
pub async fn run(services: &Services, caller: &Identity) -> Result<Factors, Failure> {
    let factor = services.store.second_factor(caller.user.id).await?;
    let totp = factor.filter(|factor| factor.confirmed).map(|factor| Totp {
        id: factor.id,
        created_at: factor.created_at,
    });
    let recovery_codes_left = services.store.recovery_codes_left(caller.user.id).await?;
    Ok(Factors {
        totp,
        recovery_codes_left,
    })
}
