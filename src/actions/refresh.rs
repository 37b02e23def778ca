//! Refresh: the live refresh token of a session for its successor (RFC 9700 section 4.14.2).

use watchword_events::{AuthEvent, ReuseAction, TokenRefreshed, TokenReuseDetected};

use super::{Auth, Failure, TokenPair};
use crate::domain::origin::Origin;
use crate::domain::session::{Refresh, RevokeReason, Session};
use crate::domain::user::{User, UserStatus};
use crate::limits::Limited;
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
pub async fn run(auth: &Auth, origin: &Origin, refresh_token: &str) -> Result<TokenPair, Error> {
    let claim = auth.refresh.parse(refresh_token).map_err(|error: TokenError| {
        tracing::debug!(reason = error.reason(), "refresh token refused");
        Error::InvalidToken
    })?;
    let now = auth.clock.now();
    auth.limits
        .reserve(Limited::Refresh, &claim.session_id.to_string(), origin.ip, now)
        .await?;

    let mut tx = auth.store.begin(now, origin).await?;
    let Some((user, lock)) = tx.lock_user_of(claim.session_id).await? else {
        return Err(Error::InvalidToken);
    };
    if user.status != UserStatus::Active {
        return Err(Error::InvalidToken);
    }
    match tx
        .rotate_session(claim.session_id, claim.generation, &auth.sessions)
        .await?
    {
        Some(session) => rotated(auth, tx, lock, user, &session).await,
        None => not_rotated(auth, tx, lock, user, claim).await,
    }
}

async fn rotated(
    auth: &Auth,
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
    let pair = auth.token_pair(session, user, tx.now())?;
    tx.commit().await?;
    Ok(pair)
}

/// The swap did not take place; the session, which the user's lock keeps still, says why.
async fn not_rotated(
    auth: &Auth,
    mut tx: Tx<'_>,
    lock: UserLock,
    user: User,
    claim: RefreshClaim,
) -> Result<TokenPair, Error> {
    let Some(session) = tx.session(claim.session_id).await? else {
        return Err(Error::InvalidToken);
    };
    match session.refresh(claim.generation, tx.now(), &auth.sessions) {
        // Nothing changes, so nothing is recorded: the transaction is dropped.
        Refresh::Repeat => Ok(auth.token_pair(&session, user, tx.now())?),
        Refresh::Rotate | Refresh::Refuse => Err(Error::InvalidToken),
        Refresh::Reuse => {
            reused(auth, tx, lock, &session, claim).await?;
            Err(Error::InvalidToken)
        }
    }
}

/// A spent token came back: somebody else has it. Its session ends, whoever presented it.
pub(super) async fn reused(
    auth: &Auth,
    mut tx: Tx<'_>,
    mut lock: UserLock,
    session: &Session,
    claim: RefreshClaim,
) -> Result<(), Failure> {
    tx.revoke_session(session.user_id, session.id, RevokeReason::Reuse, &auth.sessions)
        .await?;
    let reuse = TokenReuseDetected {
        session_id: session.id.as_uuid(),
        presented_generation: claim.generation,
        current_generation: session.generation,
        action: ReuseAction::SessionRevoked,
    };
    tx.record(&mut lock, AuthEvent::TokenReuseDetected(reuse)).await?;
    tx.commit().await?;
    auth.gate.invalidate_sessions(&[session.id]).await;
    Ok(())
}
