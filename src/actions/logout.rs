//! Logout: one session, the others or all of a user, by access token or by the refresh token alone.

use watchword_events::{AuthEvent, LoggedOut, LogoutScope};

use super::authenticate::{self, Identity};
use super::{Auth, Failure, refresh};
use crate::domain::ids::{SessionId, UserId};
use crate::domain::origin::Origin;
use crate::domain::session::{Refresh, RevokeReason, SessionState};
use crate::store::Tx;

/// What identifies the session.
pub enum Caller<'a> {
    /// An access token.
    Access(&'a str),
    /// A refresh token: the access token may have expired.
    Refresh(&'a str),
}

/// Why nothing was ended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The token identifies no session.
    #[error("the token is not valid")]
    InvalidToken,
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

/// Logs out. Doing it twice is the same as doing it once.
///
/// # Errors
/// [`Error`]; nothing is changed then, but for the end of a session whose spent refresh token came back.
pub async fn run(auth: &Auth, origin: &Origin, caller: Caller<'_>, scope: LogoutScope) -> Result<(), Error> {
    let (session, claim) = match caller {
        Caller::Refresh(token) => {
            let claim = auth.refresh.parse(token).map_err(|_| Error::InvalidToken)?;
            (claim.session_id, Some(claim))
        }
        Caller::Access(token) => (authenticated(auth, token).await?.session_id, None),
    };
    let mut tx = auth.store.begin(auth.clock.now(), origin).await?;
    let Some((user, mut lock)) = tx.lock_user_of(session).await? else {
        return Err(Error::InvalidToken);
    };
    let Some(found) = tx.session(session).await? else {
        return Err(Error::InvalidToken);
    };
    // A session that is over ends nothing any more: who holds only its old token has no say over the others.
    if found.state(tx.now(), &auth.sessions) != SessionState::Active {
        return Ok(());
    }
    if let Some(claim) = claim
        && found.refresh(claim.generation, tx.now(), &auth.sessions) == Refresh::Reuse
    {
        refresh::reused(auth, tx, lock, &found, claim).await?;
        return Err(Error::InvalidToken);
    }
    let ended = end(auth, &mut tx, user.id, session, scope).await?;
    if ended.is_empty() {
        return Ok(());
    }
    let logged_out = LoggedOut {
        session_id: session.as_uuid(),
        scope,
    };
    tx.record(&mut lock, AuthEvent::LoggedOut(logged_out)).await?;
    tx.commit().await?;
    auth.gate.invalidate_sessions(&ended).await;
    Ok(())
}

async fn authenticated(auth: &Auth, token: &str) -> Result<Identity, Error> {
    authenticate::run(auth, token).await.map_err(|error| match error {
        authenticate::Error::InvalidToken => Error::InvalidToken,
        authenticate::Error::Store(error) => error.into(),
    })
}

async fn end(
    auth: &Auth,
    tx: &mut Tx<'_>,
    user: UserId,
    session: SessionId,
    scope: LogoutScope,
) -> Result<Vec<SessionId>, Failure> {
    let reason = RevokeReason::Logout;
    Ok(match scope {
        LogoutScope::Local if tx.revoke_session(user, session, reason, &auth.sessions).await? => vec![session],
        LogoutScope::Local => Vec::new(),
        LogoutScope::Others => tx.revoke_sessions(user, Some(session), reason, &auth.sessions).await?,
        LogoutScope::Global => tx.revoke_sessions(user, None, reason, &auth.sessions).await?,
    })
}
