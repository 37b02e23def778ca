//! Exchanges the live refresh token of a session for its successor (RFC 9700 section 4.14.2).

use watchword_events::{ReuseAction, TokenRefreshed, TokenReuseDetected};

use crate::actions::ActionError::{self, Refused};
use crate::actions::{Context, Failure, TokenPair};
use crate::domain::session::{Refresh, RevokeReason, Session};
use crate::domain::user::UserStatus;
use crate::limits::RateLimit;
use crate::security::{RefreshClaim, TokenError};
use crate::store::UserTx;

#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// Forged, used, or of a session that has ended; the client cannot tell which.
    #[error("the refresh token is not valid")]
    InvalidToken,
}

/// Refresh the tokens.
///
/// # Errors
/// [`Refusal`]; the reuse of an old token is recorded and ends its session.
pub async fn run(cx: Context, refresh_token: String) -> Result<TokenPair, ActionError<Refusal>> {
    let services = &cx.services;
    let claim = services.refresh.parse(&refresh_token).map_err(|error: TokenError| {
        tracing::debug!(reason = error.reason(), "refresh token refused");
        Refused(Refusal::InvalidToken)
    })?;
    services
        .limits
        .charge(RateLimit::Refresh, &claim.session_id.to_string(), cx.request.ip, cx.now())
        .await?;

    let locked = cx.begin().await?.lock_user_of(claim.session_id).await?;
    let mut tx = locked
        .filter(|tx| tx.user().status == UserStatus::Active)
        .ok_or(Refused(Refusal::InvalidToken))?;
    match tx.rotate_session(claim.session_id, claim.generation, &services.sessions).await? {
        Some(session) => Ok(rotated(&cx, tx, &session).await?),
        None => not_rotated(&cx, tx, claim).await,
    }
}

async fn rotated(cx: &Context, mut tx: UserTx<'_>, session: &Session) -> Result<TokenPair, Failure> {
    let refreshed = TokenRefreshed {
        session_id: session.id.as_uuid(),
        generation: session.generation,
        idle_expires_at: session.ends_at(&cx.services.sessions),
    };
    tx.record(refreshed).await?;
    let tokens = cx.issue_tokens(session, tx.user(), tx.now())?;
    Ok(tokens.of(tx.commit().await?))
}

/// The swap did not take place; the session, which the user's lock keeps still, says why.
async fn not_rotated(cx: &Context, mut tx: UserTx<'_>, claim: RefreshClaim) -> Result<TokenPair, ActionError<Refusal>> {
    let session = tx.session(claim.session_id).await?;
    let session = session.ok_or(Refused(Refusal::InvalidToken))?;
    match tx.refresh_of(&session, claim.generation, &cx.services.sessions).await? {
        // Nothing changes, so nothing is recorded.
        Refresh::Repeat => {
            let tokens = cx.issue_tokens(&session, tx.user(), tx.now())?;
            Ok(tokens.of(tx.unchanged()))
        }
        Refresh::Rotate | Refresh::Refuse => Err(Refused(Refusal::InvalidToken)),
        Refresh::Reuse => {
            end_reused(cx, tx, &session, claim).await?;
            Err(Refused(Refusal::InvalidToken))
        }
    }
}

/// Revoke the session of a refresh token that was used before: another client has a copy of it.
pub(in crate::actions) async fn end_reused(
    cx: &Context,
    mut tx: UserTx<'_>,
    session: &Session,
    claim: RefreshClaim,
) -> Result<(), Failure> {
    tx.revoke_session(session.id, RevokeReason::Reuse, &cx.services.sessions).await?;
    let reuse = TokenReuseDetected {
        session_id: session.id.as_uuid(),
        presented_generation: claim.generation,
        current_generation: session.generation,
        action: ReuseAction::SessionRevoked,
        ended_session_ids: vec![session.id.as_uuid()],
    };
    tx.record(reuse).await?;
    tx.commit().await?;
    cx.services.session_cache.invalidate_sessions(&[session.id]).await;
    Ok(())
}
