//! A user gives up the authenticator: `mfa_removed`. Logins need the password alone again.

use watchword_events::{AuthEvent, FactorType, MfaRemoved};

use super::recovery_codes::Error;
use crate::actions::Services;
use crate::actions::passwords::confirm;
use crate::actions::sessions::authenticate::{self, Identity};
use crate::domain::password::Password;
use crate::domain::request_metadata::RequestMetadata;
use crate::domain::second_factor::SealedFactor;

/// Forgets the authenticator, the recovery codes, and the logins that wait for one of them.
///
/// # Errors
/// [`Error`]; nothing is changed then, but a wrong password is recorded as `login_failed`.
pub async fn run(
    services: &Services,
    request: &RequestMetadata,
    caller: &Identity,
    password: Password,
) -> Result<(), Error> {
    confirm::run(services, request, caller, password).await?;
    let mut tx = services.store.begin(services.clock.now(), request).await?;
    let (user, mut lock) = authenticate::lock(services, &mut tx, caller)
        .await?
        .ok_or(confirm::Error::SessionEnded)?;
    let in_use = tx.second_factor_in_use(user.id).await?;
    let factor = in_use.ok_or(Error::NotFound)?;
    tx.remove_second_factor(user.id).await?;
    tx.record(&mut lock, mfa_removed(&factor)).await?;
    tx.commit().await?;
    Ok(())
}

/// The event of an authenticator that is not needed any more.
pub(in crate::actions) fn mfa_removed(factor: &SealedFactor) -> AuthEvent {
    AuthEvent::MfaRemoved(MfaRemoved {
        factor_id: factor.id.as_uuid(),
        factor_type: FactorType::Totp,
    })
}
