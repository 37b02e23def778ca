//! Authentication: whose request it is, by its access token.

use std::sync::Arc;

use time::OffsetDateTime;

use super::Auth;
use crate::domain::ids::SessionId;
use crate::domain::session::SessionState;
use crate::domain::user::{User, UserStatus};
use crate::store::{StoreError, Tx, UserLock};

/// Who makes a request.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The user, at most one second old.
    pub user: Arc<User>,
    /// The session.
    pub session_id: SessionId,
}

/// Why a request is nobody's.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Forged, expired, revoked, or of a user who may not log in: the caller can't tell which.
    #[error("the access token is not valid")]
    InvalidToken,
    /// The database, which has to confirm, does not answer.
    #[error("the database failed")]
    Store(#[from] StoreError),
}

/// The answer if this instance has it at hand: no question to the database, so nothing that a hang-up could cut in half.
#[must_use]
pub fn remembered(auth: &Auth, access_token: &str) -> Option<Identity> {
    let now = auth.clock.now();
    let claims = auth.access.verify(access_token, now).ok()?;
    let user = auth.gate.cached(claims.session_id, now)?;
    Some(Identity {
        user,
        session_id: claims.session_id,
    })
}

/// Locks the user that an identity is of, if user and session are still good: both may have ended since they were looked at.
pub(super) async fn lock(auth: &Auth, tx: &mut Tx<'_>, who: &Identity) -> Result<Option<(User, UserLock)>, StoreError> {
    let Some((user, lock)) = tx.lock_user_of(who.session_id).await? else {
        return Ok(None);
    };
    let session = tx.session(who.session_id).await?;
    let alive = session.is_some_and(|session| session.state(tx.now(), &auth.sessions) == SessionState::Active);
    Ok((alive && user.status == UserStatus::Active).then_some((user, lock)))
}

/// Authenticates.
///
/// # Errors
/// [`Error`].
pub async fn run(auth: &Auth, access_token: &str) -> Result<Identity, Error> {
    let (session_id, now) = session_of(auth, access_token)?;
    let user = auth.gate.lookup(session_id, now).await?.ok_or(Error::InvalidToken)?;
    Ok(Identity { user, session_id })
}

/// Authenticates by the database, whatever this instance remembers: for what goes on after the answer.
///
/// # Errors
/// [`Error`].
pub async fn run_anew(auth: &Auth, access_token: &str) -> Result<Identity, Error> {
    let (session_id, now) = session_of(auth, access_token)?;
    let user = auth
        .gate
        .lookup_uncached(session_id, now)
        .await?
        .ok_or(Error::InvalidToken)?;
    Ok(Identity { user, session_id })
}

fn session_of(auth: &Auth, access_token: &str) -> Result<(SessionId, OffsetDateTime), Error> {
    let now = auth.clock.now();
    let claims = auth.access.verify(access_token, now).map_err(|error| {
        tracing::debug!(reason = error.reason(), "access token refused");
        Error::InvalidToken
    })?;
    Ok((claims.session_id, now))
}
