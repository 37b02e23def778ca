//! A user deletes their own account: `deleted`, and every session ends with it.

use watchword_events::{AuthEvent, Deleted, DeletedReason};

use super::Auth;
use super::authenticate::{self, Identity};
use super::confirm_password;
use crate::domain::origin::Origin;
use crate::domain::password::Password;
use crate::domain::session::RevokeReason;

/// Why the account is still there.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The password was not confirmed.
    #[error(transparent)]
    Password(confirm_password::Error),
    /// Nobody could administer the service any more.
    #[error("the last active administrator")]
    LastAdministrator,
}

impl<E> From<E> for Error
where
    confirm_password::Error: From<E>,
{
    fn from(error: E) -> Self {
        Self::Password(error.into())
    }
}

/// Deletes the account.
///
/// # Errors
/// [`Error`]; nothing is changed then, but a wrong password is recorded as `login_failed`.
pub async fn run(auth: &Auth, origin: &Origin, who: &Identity, password: Password) -> Result<(), Error> {
    confirm_password::run(auth, origin, who, password).await?;
    let mut guarded = who.user.is_admin();
    let (mut tx, user, mut lock) = loop {
        let mut tx = auth.store.begin(auth.clock.now(), origin).await?;
        if guarded {
            tx.guard_administrators().await?;
        }
        let (user, lock) = authenticate::lock(auth, &mut tx, who)
            .await?
            .ok_or(confirm_password::Error::SessionEnded)?;
        if guarded || !user.is_admin() {
            break (tx, user, lock);
        }
        // An administrator since a moment ago: again, with the guard, which comes before the lock.
        guarded = true;
    };
    if user.is_admin() && !tx.another_administrator(user.id).await? {
        return Err(Error::LastAdministrator);
    }
    tx.delete_user(user.id).await?;
    let ended = tx
        .revoke_sessions(user.id, None, RevokeReason::Deleted, &auth.sessions)
        .await?;
    tx.record(
        &mut lock,
        AuthEvent::Deleted(Deleted {
            reason: DeletedReason::User,
        }),
    )
    .await?;
    tx.commit().await?;
    auth.gate.invalidate_sessions(&ended).await;
    Ok(())
}
