//! Lists the caller's second factors, without any secret.

use time::OffsetDateTime;

use crate::actions::sessions::authenticate::Identity;
use crate::actions::{Context, Failure};
use crate::domain::ids::FactorId;

pub struct Factors {
    /// The authenticator in use.
    pub totp: Option<Totp>,
    pub recovery_codes_left: u64,
}

pub struct Totp {
    pub id: FactorId,
    pub created_at: OffsetDateTime,
}

/// List the factors.
///
/// # Errors
/// [`Failure`]
pub async fn run(cx: Context, caller: Identity) -> Result<Factors, Failure> {
    let (store, user) = (&cx.services.store, caller.user.id);
    let factor = store.second_factor(user).await?;
    let totp = factor
        .filter(|factor| factor.confirmed)
        .map(|factor| Totp { id: factor.id, created_at: factor.created_at });
    Ok(Factors {
        totp,
        recovery_codes_left: store.recovery_codes_left(user).await?,
    })
}
