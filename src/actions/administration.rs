//! What administrators' changes have in common: who may, on whom, and who is said to have done it.

use watchword_events::Actor;

use super::attempts::reserve_for;
use super::authenticate::Identity;
use super::{Auth, Failure};
use crate::domain::ids::UserId;
use crate::domain::origin::Origin;
use crate::domain::session::SessionState;
use crate::domain::user::{User, UserStatus};
use crate::domain::version::Expected;
use crate::limits::Limited;
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
pub(super) enum Danger {
    /// It can't.
    None,
    /// It may: only one such change happens at a time.
    LastAdministrator,
}

/// Refuses who is no administrator, and counts the try.
pub(super) async fn admit(auth: &Auth, origin: &Origin, who: &Identity) -> Result<(), Error> {
    if !who.user.is_admin() {
        return Err(Error::Forbidden);
    }
    Ok(reserve_for(auth, origin, who, Limited::Change).await?)
}

/// Makes sure, inside the transaction, that the caller still is an administrator.
pub(super) async fn confirm(auth: &Auth, tx: &mut Tx<'_>, who: &Identity) -> Result<(), Error> {
    let Some((session, user)) = tx.session_with_user(who.session_id).await? else {
        return Err(Error::SessionEnded);
    };
    if session.state(tx.now(), &auth.sessions) != SessionState::Active || user.status != UserStatus::Active {
        return Err(Error::SessionEnded);
    }
    if user.is_admin() { Ok(()) } else { Err(Error::Forbidden) }
}

/// Locks the user that an administrator changes. Whoever gets the lock records an event, or does not commit.
pub(super) async fn lock(
    auth: &Auth,
    tx: &mut Tx<'_>,
    who: &Identity,
    target: UserId,
    expected: &Expected,
    danger: Danger,
) -> Result<(User, UserLock), Error> {
    if danger == Danger::LastAdministrator {
        tx.guard_administrators().await?;
    }
    confirm(auth, tx, who).await?;
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
pub(super) async fn keep_one(tx: &mut Tx<'_>, user: &User) -> Result<(), Error> {
    let counts = user.is_admin() && user.status == UserStatus::Active;
    if counts && !tx.another_administrator(user.id).await? {
        return Err(Error::LastAdministrator);
    }
    Ok(())
}

/// Who did it, for the event.
pub(super) fn actor(who: &Identity) -> Option<Actor> {
    Some(Actor::Admin {
        id: who.user.id.as_uuid(),
    })
}
