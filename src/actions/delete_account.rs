//! A user deletes their own account: `deleted`, and every session ends with it.

use secrecy::ExposeSecret as _;
use watchword_events::{AuthEvent, Deleted, DeletedReason, LoginFailedReason};

use super::authenticate::{self, Identity};
use super::login::record_failure;
use super::{Auth, Failure};
use crate::domain::email;
use crate::domain::origin::Origin;
use crate::domain::password::Password;
use crate::domain::session::RevokeReason;
use crate::limits::Limited;
use crate::security::PasswordHash;

/// Why the account is still there.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The password is not the account's.
    #[error("the password is wrong")]
    WrongPassword,
    /// The account or the session ended meanwhile.
    #[error("the session has ended")]
    SessionEnded,
    /// Nobody could administer the service any more.
    #[error("the last active administrator")]
    LastAdministrator,
    /// Try later.
    #[error(transparent)]
    Failure(Failure),
}

impl<E> From<E> for Error
where
    Failure: From<E>,
{
    fn from(error: E) -> Self {
        Self::Failure(error.into())
    }
}

/// Deletes the account.
///
/// # Errors
/// [`Error`]; nothing is changed then, but a wrong password is recorded as `login_failed`.
pub async fn run(auth: &Auth, origin: &Origin, who: &Identity, password: Password) -> Result<(), Error> {
    auth.limits
        .reserve_network(Limited::Login, origin.ip, auth.clock.now())
        .await?;
    let found = auth
        .store
        .credentials_by_id(who.user.id)
        .await?
        .ok_or(Error::SessionEnded)?;
    let stored: PasswordHash = found.password_hash.expose_secret().parse()?;
    if !auth.hasher.verify(password, &stored).await?.ok {
        let (identifier, user) = (email::canonical(&found.user.email), Some(found.user.id));
        record_failure(auth, origin, &identifier, user, LoginFailedReason::WrongPassword).await?;
        return Err(Error::WrongPassword);
    }
    let mut guarded = who.user.is_admin();
    let (mut tx, user, mut lock) = loop {
        let mut tx = auth.store.begin(auth.clock.now(), origin).await?;
        if guarded {
            tx.guard_administrators().await?;
        }
        let (user, lock) = authenticate::lock(auth, &mut tx, who)
            .await?
            .ok_or(Error::SessionEnded)?;
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
