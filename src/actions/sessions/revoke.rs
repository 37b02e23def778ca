//! Ending sessions from the list: one of them, or all but the current one. Each ended session has its `session_revoked`.

use watchword_events::{AuthEvent, SessionRevoked, SessionRevokedReason};

use super::authenticate::{self, Identity};
use crate::actions::rate_limits::charge_user;
use crate::actions::{Failure, Services};
use crate::domain::ids::SessionId;
use crate::domain::request_metadata::RequestMetadata;
use crate::domain::session::RevokeReason;
use crate::limits::RateLimit;

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
pub async fn run(
    services: &Services,
    request: &RequestMetadata,
    caller: &Identity,
    session: SessionId,
) -> Result<(), Error> {
    charge_user(services, request, caller, RateLimit::Change).await?;
    let mut tx = services.store.begin(services.clock.now(), request).await?;
    let (user, mut lock) = authenticate::lock(services, &mut tx, caller)
        .await?
        .ok_or(Error::SessionEnded)?;
    if !tx
        .revoke_session(user.id, session, RevokeReason::Logout, &services.sessions)
        .await?
    {
        return Err(Error::NotFound);
    }
    tx.record(&mut lock, revoked(session)).await?;
    tx.commit().await?;
    services.gate.ended(&[session]).await;
    Ok(())
}

/// Ends all sessions but the current one.
///
/// # Errors
/// [`Error`]; nothing is changed then.
pub async fn run_others(services: &Services, request: &RequestMetadata, caller: &Identity) -> Result<(), Error> {
    charge_user(services, request, caller, RateLimit::Change).await?;
    let mut tx = services.store.begin(services.clock.now(), request).await?;
    let (user, mut lock) = authenticate::lock(services, &mut tx, caller)
        .await?
        .ok_or(Error::SessionEnded)?;
    let ended = tx
        .revoke_sessions(
            user.id,
            Some(caller.session_id),
            RevokeReason::Logout,
            &services.sessions,
        )
        .await?;
    if ended.is_empty() {
        return Ok(());
    }
    for session in &ended {
        tx.record(&mut lock, revoked(*session)).await?;
    }
    tx.commit().await?;
    services.gate.ended(&ended).await;
    Ok(())
}

fn revoked(session: SessionId) -> AuthEvent {
    AuthEvent::SessionRevoked(SessionRevoked {
        session_id: session.as_uuid(),
        reason: SessionRevokedReason::Logout,
    })
}
