//! An administrator removes the authenticator of a user who has lost it: `mfa_removed`.

use super::Auth;
pub use super::administration::Error;
use super::administration::{self, Danger};
use super::authenticate::Identity;
use super::remove_totp::mfa_removed;
use crate::domain::ids::UserId;
use crate::domain::origin::Origin;
use crate::domain::version::Expected;

/// Forgets the authenticator and the recovery codes. Make sure of who asked for it: logins need the password alone again.
///
/// # Errors
/// [`Error`], [`Error::NotFound`] also when the user has none; nothing is changed then.
pub async fn run(auth: &Auth, origin: &Origin, who: &Identity, target: UserId) -> Result<(), Error> {
    administration::admit(auth, origin, who).await?;
    let mut tx = auth.store.begin(auth.clock.now(), origin).await?;
    let (user, mut lock) = administration::lock(auth, &mut tx, who, target, &Expected::Any, Danger::None).await?;
    let factor = tx.second_factor_in_use(user.id).await?.ok_or(Error::NotFound)?;
    tx.remove_second_factor(user.id).await?;
    tx.record_by(administration::actor(who), &mut lock, mfa_removed(&factor))
        .await?;
    tx.commit().await?;
    Ok(())
}
