//! Authentication: whose request it is, by its access token.

use std::sync::Arc;

use super::Auth;
use crate::domain::ids::SessionId;
use crate::domain::user::User;
use crate::store::StoreError;

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
    let user = auth.gate.remembered(claims.session_id, now)?;
    Some(Identity {
        user,
        session_id: claims.session_id,
    })
}

/// Authenticates.
///
/// # Errors
/// [`Error`].
pub async fn run(auth: &Auth, access_token: &str) -> Result<Identity, Error> {
    let now = auth.clock.now();
    let claims = auth.access.verify(access_token, now).map_err(|error| {
        tracing::debug!(reason = error.reason(), "access token refused");
        Error::InvalidToken
    })?;
    let user = auth
        .gate
        .admit(claims.session_id, now)
        .await?
        .ok_or(Error::InvalidToken)?;
    Ok(Identity {
        user,
        session_id: claims.session_id,
    })
}
