//! Revocation by another service (RFC 7009): the session of a token ends, and with it every token of the session.

use watchword_events::{Actor, AuthEvent, SessionRevoked, SessionRevokedReason};

use super::{Auth, Failure, authenticate, refresh};
use crate::domain::ids::SessionId;
use crate::domain::origin::Origin;
use crate::domain::session::{Refresh, RevokeReason, SessionState};
use crate::security::refresh_token::REFRESH_TOKEN_PREFIX;
use crate::security::{ClientId, RefreshClaim};

/// Revokes. A token that is unknown, expired or revoked already is no error: there is nothing left to do (RFC 7009 section 2.2).
///
/// # Errors
/// [`Failure`]; nothing is changed then, and the token has to be taken as still good.
pub async fn run(auth: &Auth, origin: &Origin, client: &ClientId, token: &str) -> Result<(), Failure> {
    let Some((session, claim)) = session_of(auth, token).await? else {
        return Ok(());
    };
    let mut tx = auth.store.begin(auth.clock.now(), origin).await?;
    let Some((user, mut lock)) = tx.lock_user_of(session).await? else {
        return Ok(());
    };
    let Some(found) = tx.session(session).await? else {
        return Ok(());
    };
    if found.state(tx.now(), &auth.sessions) != SessionState::Active {
        return Ok(());
    }
    // Whoever presents a spent token has an old copy, as at logout and refresh; the session ends all the same.
    if let Some(claim) = claim
        && found.refresh(claim.generation, tx.now(), &auth.sessions) == Refresh::Reuse
    {
        return refresh::reused(auth, tx, lock, &found, claim).await;
    }
    if !tx
        .revoke_session(user.id, session, RevokeReason::Logout, &auth.sessions)
        .await?
    {
        return Ok(());
    }
    let revoked = AuthEvent::SessionRevoked(SessionRevoked {
        session_id: session.as_uuid(),
        reason: SessionRevokedReason::Logout,
    });
    let actor = Actor::Service {
        id: client.as_str().to_owned(),
    };
    tx.record_by(Some(actor), &mut lock, revoked).await?;
    tx.commit().await?;
    auth.gate.invalidate_sessions(&[session]).await;
    Ok(())
}

/// The session that a token belongs to; `None` when it is no token, or one that is not good any more.
async fn session_of(auth: &Auth, token: &str) -> Result<Option<(SessionId, Option<RefreshClaim>)>, Failure> {
    if token.starts_with(REFRESH_TOKEN_PREFIX) {
        let claim = auth.refresh.parse(token).ok();
        return Ok(claim.map(|claim| (claim.session_id, Some(claim))));
    }
    match authenticate::run(auth, token).await {
        Ok(identity) => Ok(Some((identity.session_id, None))),
        Err(authenticate::Error::InvalidToken) => Ok(None),
        Err(authenticate::Error::Store(error)) => Err(error.into()),
    }
}
