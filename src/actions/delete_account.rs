//! A user deletes their own account: `deleted`, and every session ends with it.

use watchword_events::{AuthEvent, Deleted, DeletedReason};

use super::Auth;
use super::authenticate::{self, Identity};
use super::confirm_password::{self, Error};
use crate::domain::origin::Origin;
use crate::domain::password::Password;
use crate::domain::session::RevokeReason;

/// Deletes the account.
///
/// # Errors
/// [`Error`]; nothing is changed then, but a wrong password is recorded as `login_failed`.
pub async fn run(auth: &Auth, origin: &Origin, who: &Identity, password: Password) -> Result<(), Error> {
    confirm_password::run(auth, origin, who, password).await?;
    let mut tx = auth.store.begin(auth.clock.now(), origin).await?;
    let (user, mut lock) = authenticate::lock(auth, &mut tx, who)
        .await?
        .ok_or(Error::SessionEnded)?;
    tx.delete_user(user.id).await?;
    let ended = tx.revoke_sessions(user.id, None, RevokeReason::Deleted).await?;
    tx.record(
        &mut lock,
        AuthEvent::Deleted(Deleted {
            reason: DeletedReason::User,
        }),
    )
    .await?;
    tx.commit().await?;
    auth.gate.ended(&ended).await;
    Ok(())
}
