//! An administrator removes the authenticator of a user who has lost it: `mfa_removed`.

pub use super::admin_guard::Error;
use super::admin_guard::{self, AdminGuard};
use crate::actions::Services;
use crate::actions::mfa::remove_totp::mfa_removed;
use crate::actions::sessions::authenticate::Identity;
use crate::domain::ids::UserId;
use crate::domain::request_metadata::RequestMetadata;
use crate::domain::user::version::Expected;

/// Forgets the authenticator and the recovery codes. Make sure of who asked for it: logins need the password alone again.
///
/// # Errors
/// [`Error`], [`Error::NotFound`] also when the user has none; nothing is changed then.
pub async fn run(
    services: &Services,
    request: &RequestMetadata,
    caller: &Identity,
    target: UserId,
) -> Result<(), Error> {
    admin_guard::authorize(services, request, caller).await?;
    let mut tx = services.store.begin(services.clock.now(), request).await?;
    let (user, mut lock) =
        admin_guard::lock_target(services, &mut tx, caller, target, &Expected::Any, AdminGuard::NotNeeded).await?;
    let factor = tx.second_factor_in_use(user.id).await?.ok_or(Error::NotFound)?;
    tx.remove_second_factor(user.id).await?;
    tx.record_by(admin_guard::actor(caller), &mut lock, mfa_removed(&factor))
        .await?;
    tx.commit().await?;
    Ok(())
}
