//! An administrator deletes an account: `deleted`, and every session of it ends.

use watchword_events::{AuthEvent, Deleted, DeletedReason};

use super::admin_guard::{self, AdminGuard};
use crate::actions::Services;
use crate::actions::sessions::authenticate::Identity;
use crate::domain::ids::UserId;
use crate::domain::request_metadata::RequestMetadata;
use crate::domain::session::RevokeReason;
use crate::domain::user::version::Expected;
use crate::store::StoreError;

/// Why the account is still there.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// One's own account is deleted with its password (`delete_account`).
    #[error("the caller's own account")]
    OwnAccount,
    /// Who, whom, and which version.
    #[error(transparent)]
    Refused(#[from] admin_guard::Error),
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
    services: &Services,
    request: &RequestMetadata,
    caller: &Identity,
    target: UserId,
    expected: &Expected,
) -> Result<(), Error> {
    admin_guard::authorize(services, request, caller).await?;
    if target == caller.user.id {
        return Err(Error::OwnAccount);
    }
    let mut tx = services.store.begin(services.clock.now(), request).await?;
    let guard = AdminGuard::Required;
    let (user, mut lock) = admin_guard::lock_target(services, &mut tx, caller, target, expected, guard).await?;
    admin_guard::ensure_another_admin(&mut tx, &user).await?;
    tx.delete_user(user.id).await?;
    let ended = tx
        .revoke_sessions(user.id, None, RevokeReason::Deleted, &services.sessions)
        .await?;
    let event = AuthEvent::Deleted(Deleted {
        reason: DeletedReason::Admin,
    });
    tx.record_by(admin_guard::actor(caller), &mut lock, event).await?;
    tx.commit().await?;
    services.gate.ended(&ended).await;
    Ok(())
}
