//! What administrators' changes have in common: who may, on whom, and who is said to have done it.

use watchword_events::Actor;

use crate::actions::rate_limits::charge_user;
use crate::actions::sessions::authenticate::Identity;
use crate::actions::{Failure, Services};
use crate::domain::ids::UserId;
use crate::domain::request_metadata::RequestMetadata;
use crate::domain::session::SessionState;
use crate::domain::user::version::Expected;
use crate::domain::user::{User, UserStatus};
use crate::limits::RateLimit;
use crate::store::{Tx, UserLock};

/// Why an administrator's change was not made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The caller is no administrator.
    #[error("not an administrator")]
    Forbidden,
    /// The caller's account or session ended meanwhile.
    #[error("the session has ended")]
    SessionEnded,
    /// There is no such user, or no more.
    #[error("no such user")]
    NotFound,
    /// The user is not as the caller has seen them.
    #[error("the user has changed meanwhile")]
    Stale,
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

/// Whether a change may take the last administrator away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::actions) enum AdminGuard {
    /// It can't.
    NotNeeded,
    /// It may: only one such change happens at a time.
    Required,
}

/// Refuses who is no administrator, and counts the try.
pub(in crate::actions) async fn authorize(
    services: &Services,
    request: &RequestMetadata,
    caller: &Identity,
) -> Result<(), Error> {
    if !caller.user.is_admin() {
        return Err(Error::Forbidden);
    }
    Ok(charge_user(services, request, caller, RateLimit::Change).await?)
}

/// Makes sure, inside the transaction, that the caller still is an administrator.
pub(in crate::actions) async fn recheck_admin(
    services: &Services,
    tx: &mut Tx<'_>,
    caller: &Identity,
) -> Result<(), Error> {
    let Some((session, user)) = tx.session_with_user(caller.session_id).await? else {
        return Err(Error::SessionEnded);
    };
    if session.state(tx.now(), &services.sessions) != SessionState::Active || user.status != UserStatus::Active {
        return Err(Error::SessionEnded);
    }
    if user.is_admin() { Ok(()) } else { Err(Error::Forbidden) }
}

/// Locks the user that an administrator changes. Whoever gets the lock records an event, or does not commit.
pub(in crate::actions) async fn lock_target(
    services: &Services,
    tx: &mut Tx<'_>,
    caller: &Identity,
    target: UserId,
    expected: &Expected,
    guard: AdminGuard,
) -> Result<(User, UserLock), Error> {
    if guard == AdminGuard::Required {
        tx.guard_admins().await?;
    }
    recheck_admin(services, tx, caller).await?;
    let (user, lock) = tx.lock_user(target).await?.ok_or(Error::NotFound)?;
    if user.status == UserStatus::Deleted {
        return Err(Error::NotFound);
    }
    if !expected.is_met_by(&user) {
        return Err(Error::Stale);
    }
    Ok((user, lock))
}

/// Refuses to take away the last administrator who may log in. For transactions that were begun with the guard.
pub(in crate::actions) async fn ensure_another_admin(tx: &mut Tx<'_>, user: &User) -> Result<(), Error> {
    let counts = user.is_admin() && user.status == UserStatus::Active;
    if counts && !tx.another_admin_exists(user.id).await? {
        return Err(Error::LastAdministrator);
    }
    Ok(())
}

/// Who did it, for the event.
pub(in crate::actions) fn actor(caller: &Identity) -> Option<Actor> {
    Some(Actor::Admin {
        id: caller.user.id.as_uuid(),
    })
}
