//! Ending sessions from the list: one of them, or all but the current one. Each ended session has its `session_revoked`.

use watchword_events::{AuthEvent, SessionRevoked, SessionRevokedReason};

use super::attempts::reserve_for;
use super::authenticate::{self, Identity};
use super::{Auth, Failure};
use crate::domain::ids::SessionId;
use crate::domain::origin::Origin;
use crate::domain::session::RevokeReason;
use crate::limits::Limited;

/// Why nothing was ended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The account or the session of the request ended meanwhile.
    #[error("the session has ended")]
    SessionEnded,
    /// The user has no such live session; whether somebody else has is not said.
    #[error("no such session")]
    NotFound,
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

/// Ends one session.
///
/// # Errors
/// [`Error`]; nothing is changed then.
pub async fn run(auth: &Auth, origin: &Origin, who: &Identity, session: SessionId) -> Result<(), Error> {
    reserve_for(auth, origin, who, Limited::Change).await?;
    let mut tx = auth.store.begin(auth.clock.now(), origin).await?;
    let (user, mut lock) = authenticate::lock(auth, &mut tx, who)
        .await?
        .ok_or(Error::SessionEnded)?;
    if !tx
        .revoke_session(user.id, session, RevokeReason::Logout, &auth.sessions)
        .await?
    {
        return Err(Error::NotFound);
    }
    tx.record(&mut lock, revoked(session)).await?;
    tx.commit().await?;
    auth.gate.invalidate_sessions(&[session]).await;
    Ok(())
}

/// Ends all sessions but the current one.
///
/// # Errors
/// [`Error`]; nothing is changed then.
pub async fn run_others(auth: &Auth, origin: &Origin, who: &Identity) -> Result<(), Error> {
    reserve_for(auth, origin, who, Limited::Change).await?;
    let mut tx = auth.store.begin(auth.clock.now(), origin).await?;
    let (user, mut lock) = authenticate::lock(auth, &mut tx, who)
        .await?
        .ok_or(Error::SessionEnded)?;
    let ended = tx
        .revoke_sessions(user.id, Some(who.session_id), RevokeReason::Logout, &auth.sessions)
        .await?;
    if ended.is_empty() {
        return Ok(());
    }
    for session in &ended {
        tx.record(&mut lock, revoked(*session)).await?;
    }
    tx.commit().await?;
    auth.gate.invalidate_sessions(&ended).await;
    Ok(())
}

fn revoked(session: SessionId) -> AuthEvent {
    AuthEvent::SessionRevoked(SessionRevoked {
        session_id: session.as_uuid(),
        reason: SessionRevokedReason::Logout,
    })
}
