//! Refresh: the live refresh token of a session for its successor (RFC 9700 section 4.14.2).

use watchword_events::{AuthEvent, ReuseAction, TokenRefreshed, TokenReuseDetected};

use crate::actions::{Failure, Services, TokenPair};
use crate::domain::request_metadata::RequestMetadata;
use crate::domain::session::{Refresh, RevokeReason, Session};
use crate::domain::user::{User, UserStatus};
use crate::limits::RateLimit;
use crate::security::{RefreshClaim, TokenError};
use crate::store::{Tx, UserLock};

/// Why there are no new tokens.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Forged, spent, or of a session that is over: the caller can't tell which.
    #[error("the refresh token is not valid")]
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

/// Refreshes.
///
/// # Errors
/// [`Error`]; the reuse of a spent token is recorded and ends its session.
pub async fn run(services: &Services, request: &RequestMetadata, refresh_token: &str) -> Result<TokenPair, Error> {
    let claim = services.refresh.parse(refresh_token).map_err(|error: TokenError| {
        tracing::debug!(reason = error.reason(), "refresh token refused");
        Error::InvalidToken
    })?;
    let now = services.clock.now();
    services
        .limits
        .charge(RateLimit::Refresh, &claim.session_id.to_string(), request.ip, now)
        .await?;

    let mut tx = services.store.begin(now, request).await?;
    let Some((user, lock)) = tx.lock_user_of(claim.session_id).await? else {
        return Err(Error::InvalidToken);
    };
    if user.status != UserStatus::Active {
        return Err(Error::InvalidToken);
    }
    match tx
        .rotate_session(claim.session_id, claim.generation, &services.sessions)
        .await?
    {
        Some(session) => rotated(services, tx, lock, user, &session).await,
        None => not_rotated(services, tx, lock, user, claim).await,
    }
}

async fn rotated(
    services: &Services,
    mut tx: Tx<'_>,
    mut lock: UserLock,
    user: User,
    session: &Session,
) -> Result<TokenPair, Error> {
    let refreshed = TokenRefreshed {
        session_id: session.id.as_uuid(),
        generation: session.generation,
    };
    tx.record(&mut lock, AuthEvent::TokenRefreshed(refreshed)).await?;
    let pair = services.token_pair(session, user, tx.now())?;
    tx.commit().await?;
    Ok(pair)
}

/// The swap did not take place; the session, which the user's lock keeps still, says why.
async fn not_rotated(
    services: &Services,
    mut tx: Tx<'_>,
    lock: UserLock,
    user: User,
    claim: RefreshClaim,
) -> Result<TokenPair, Error> {
    let Some(session) = tx.session(claim.session_id).await? else {
        return Err(Error::InvalidToken);
    };
    match session.refresh(claim.generation, tx.now(), &services.sessions) {
        // Nothing changes, so nothing is recorded: the transaction is dropped.
        Refresh::Repeat => Ok(services.token_pair(&session, user, tx.now())?),
        Refresh::Rotate | Refresh::Refuse => Err(Error::InvalidToken),
        Refresh::Reuse => {
            reused(services, tx, lock, &session, claim).await?;
            Err(Error::InvalidToken)
        }
    }
}

/// A spent token came back: somebody else has it. Its session ends, whoever presented it.
pub(in crate::actions) async fn reused(
    services: &Services,
    mut tx: Tx<'_>,
    mut lock: UserLock,
    session: &Session,
    claim: RefreshClaim,
) -> Result<(), Failure> {
    tx.revoke_session(session.user_id, session.id, RevokeReason::Reuse, &services.sessions)
        .await?;
    let reuse = TokenReuseDetected {
        session_id: session.id.as_uuid(),
        presented_generation: claim.generation,
        current_generation: session.generation,
        action: ReuseAction::SessionRevoked,
    };
    tx.record(&mut lock, AuthEvent::TokenReuseDetected(reuse)).await?;
    tx.commit().await?;
    services.gate.ended(&[session.id]).await;
    Ok(())
}
