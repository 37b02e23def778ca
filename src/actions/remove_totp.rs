//! A user gives up the authenticator: `mfa_removed`. Logins need the password alone again.

use watchword_events::{AuthEvent, FactorType, MfaRemoved};

use super::Auth;
use super::authenticate::{self, Identity};
use super::confirm_password;
use super::recovery_codes::Error;
use crate::domain::origin::Origin;
use crate::domain::password::Password;
use crate::domain::second_factor::SealedFactor;

/// Forgets the authenticator, the recovery codes, and the logins that wait for one of them.
///
/// # Errors
/// [`Error`]; nothing is changed then, but a wrong password is recorded as `login_failed`.
pub async fn run(auth: &Auth, origin: &Origin, who: &Identity, password: Password) -> Result<(), Error> {
    confirm_password::run(auth, origin, who, password).await?;
    let mut tx = auth.store.begin(auth.clock.now(), origin).await?;
    let (user, mut lock) = authenticate::lock(auth, &mut tx, who)
        .await?
        .ok_or(confirm_password::Error::SessionEnded)?;
    let in_use = tx.second_factor_in_use(user.id).await?;
    let factor = in_use.ok_or(Error::NotFound)?;
    tx.remove_second_factor(user.id).await?;
    tx.record(&mut lock, mfa_removed(&factor)).await?;
    tx.commit().await?;
    Ok(())
}

/// The event of an authenticator that is not needed any more.
pub(super) fn mfa_removed(factor: &SealedFactor) -> AuthEvent {
    AuthEvent::MfaRemoved(MfaRemoved {
        factor_id: factor.id.as_uuid(),
        factor_type: FactorType::Totp,
    })
}
