//! An administrator deletes an account: `deleted`, and every session of it ends.

use watchword_events::{AuthEvent, Deleted, DeletedReason};

use super::Auth;
use super::administration::{self, Danger};
use super::authenticate::Identity;
use crate::domain::ids::UserId;
use crate::domain::origin::Origin;
use crate::domain::session::RevokeReason;
use crate::domain::version::Expected;
use crate::store::StoreError;

/// Why the account is still there.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// One's own account is deleted with its password (`delete_account`).
    #[error("the caller's own account")]
    OwnAccount,
    /// Who, whom, and which version.
    #[error(transparent)]
    Refused(#[from] administration::Error),
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Self::Refused(error.into())
    }
}

/// Deletes an account.
///
/// # Errors
/// [`Error`]; nothing is changed then.
pub async fn run(
    auth: &Auth,
    origin: &Origin,
    who: &Identity,
    target: UserId,
    expected: &Expected,
) -> Result<(), Error> {
    administration::admit(auth, origin, who).await?;
    if target == who.user.id {
        return Err(Error::OwnAccount);
    }
    let mut tx = auth.store.begin(auth.clock.now(), origin).await?;
    let danger = Danger::LastAdministrator;
    let (user, mut lock) = administration::lock(auth, &mut tx, who, target, expected, danger).await?;
    administration::keep_one(&mut tx, &user).await?;
    tx.delete_user(user.id).await?;
    let ended = tx
        .revoke_sessions(user.id, None, RevokeReason::Deleted, &auth.sessions)
        .await?;
    let event = AuthEvent::Deleted(Deleted {
        reason: DeletedReason::Admin,
    });
    tx.record_by(administration::actor(who), &mut lock, event).await?;
    tx.commit().await?;
    auth.gate.invalidate_sessions(&ended).await;
    Ok(())
}
