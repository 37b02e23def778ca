//! A user deletes their own account: `deleted`, and every session ends with it.

use watchword_events::{AuthEvent, Deleted, DeletedReason};

use crate::actions::Services;
use crate::actions::passwords::confirm;
use crate::actions::sessions::authenticate::{self, Identity};
use crate::domain::password::Password;
use crate::domain::request_metadata::RequestMetadata;
use crate::domain::session::RevokeReason;

/// Why the account is still there.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The password was not confirmed.
    #[error(transparent)]
    Password(confirm::Error),
    /// Nobody could administer the service any more.
    #[error("the last active administrator")]
    LastAdministrator,
}

impl<E> From<E> for Error
where
    confirm::Error: From<E>,
{
    fn from(error: E) -> Self {
        Self::Password(error.into())
    }
}

/// Deletes the account.
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
    let mut guarded = caller.user.is_admin();
    let (mut tx, user, mut lock) = loop {
        let mut tx = services.store.begin(services.clock.now(), request).await?;
        if guarded {
            tx.guard_admins().await?;
        }
        let (user, lock) = authenticate::lock(services, &mut tx, caller)
            .await?
            .ok_or(confirm::Error::SessionEnded)?;
        if guarded || !user.is_admin() {
            break (tx, user, lock);
        }
        // An administrator since a moment ago: again, with the guard, which comes before the lock.
        guarded = true;
    };
    if user.is_admin() && !tx.another_admin_exists(user.id).await? {
        return Err(Error::LastAdministrator);
    }
    tx.delete_user(user.id).await?;
    let ended = tx
        .revoke_sessions(user.id, None, RevokeReason::Deleted, &services.sessions)
        .await?;
    tx.record(
        &mut lock,
        AuthEvent::Deleted(Deleted {
            reason: DeletedReason::User,
        }),
    )
    .await?;
    tx.commit().await?;
    services.gate.ended(&ended).await;
    Ok(())
}
