//! Introspection (RFC 7662): what a token is worth at this moment. It changes nothing and records nothing.

use std::sync::Arc;

use time::OffsetDateTime;
use uuid::Uuid;

use super::Auth;
use crate::domain::ids::{SessionId, UserId};
use crate::domain::session::Refresh;
use crate::domain::user::{Role, User, UserStatus};
use crate::security::refresh_token::REFRESH_TOKEN_PREFIX;
use crate::security::{AccessClaims, TokenError};
use crate::store::StoreError;

/// What a token is worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Introspection {
    /// Nothing: unknown, forged, expired, spent, revoked, or of a user who may not log in. Which one is not said.
    Inactive,
    /// It would be accepted now.
    Active(Box<ActiveToken>),
}

/// What is said about a token that would be accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActiveToken {
    /// Whose it is.
    pub user_id: UserId,
    /// The session it belongs to.
    pub session_id: SessionId,
    /// The user's roles now, which a role taken away since the token was made is no longer among.
    pub roles: Vec<Role>,
    /// When it was made.
    pub issued_at: OffsetDateTime,
    /// When it ends.
    pub expires_at: OffsetDateTime,
    /// Which kind of token it is.
    pub kind: TokenKind,
}

/// The kinds of tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenKind {
    /// A bearer token for resource servers.
    Access {
        /// `jti`.
        token_id: Uuid,
        /// `client_id`.
        client_id: String,
    },
    /// Good at `/auth/refresh` alone.
    Refresh,
}

/// The answer if this instance has it at hand: no question to the database.
#[must_use]
pub fn remembered(auth: &Auth, token: &str) -> Option<Introspection> {
    let now = auth.clock.now();
    let claims = auth.access.verify(token, now).ok()?;
    let user = auth.gate.cached(claims.session_id, now)?;
    auth.clients.introspected("access", true);
    Some(access(&claims, &user))
}

/// Looks a token up. Which kind it is, its own form tells.
///
/// # Errors
/// [`StoreError`] when the database, the only one who can say yes, does not answer.
pub async fn run(auth: &Auth, token: &str) -> Result<Introspection, StoreError> {
    let now = auth.clock.now();
    let (kind, found) = if token.starts_with(REFRESH_TOKEN_PREFIX) {
        ("refresh", refresh_token(auth, token, now).await?)
    } else {
        ("access", access_token(auth, token, now).await?)
    };
    auth.clients.introspected(kind, found != Introspection::Inactive);
    Ok(found)
}

async fn access_token(auth: &Auth, token: &str, now: OffsetDateTime) -> Result<Introspection, StoreError> {
    let claims = match auth.access.verify(token, now) {
        Ok(claims) => claims,
        Err(error) => return refused(auth, error).await,
    };
    let user = auth.gate.lookup(claims.session_id, now).await?;
    Ok(user.map_or(Introspection::Inactive, |user| access(&claims, &user)))
}

async fn refresh_token(auth: &Auth, token: &str, now: OffsetDateTime) -> Result<Introspection, StoreError> {
    let claim = match auth.refresh.parse(token) {
        Ok(claim) => claim,
        Err(error) => return refused(auth, error).await,
    };
    let Some((session, user)) = auth.store.session_with_user(claim.session_id).await? else {
        return Ok(Introspection::Inactive);
    };
    // The parent of the live token is still exchanged for a few seconds, but it is spent.
    let live = session.refresh(claim.generation, now, &auth.sessions) == Refresh::Rotate;
    if !live || user.status != UserStatus::Active {
        return Ok(Introspection::Inactive);
    }
    Ok(Introspection::Active(Box::new(ActiveToken {
        user_id: user.id,
        session_id: session.id,
        roles: user.roles,
        issued_at: session.rotated_at,
        expires_at: session.ends_at(&auth.sessions),
        kind: TokenKind::Refresh,
    })))
}

/// Asks the database about a session that nobody has: what was never a token takes as long as one that was revoked.
async fn refused(auth: &Auth, error: TokenError) -> Result<Introspection, StoreError> {
    tracing::debug!(reason = error.reason(), "introspected token refused");
    auth.store.session_with_user(SessionId::NIL).await?;
    Ok(Introspection::Inactive)
}

fn access(claims: &AccessClaims, user: &Arc<User>) -> Introspection {
    Introspection::Active(Box::new(ActiveToken {
        user_id: user.id,
        session_id: claims.session_id,
        roles: user.roles.clone(),
        issued_at: claims.issued_at,
        expires_at: claims.expires_at,
        kind: TokenKind::Access {
            token_id: claims.token_id,
            client_id: claims.client_id.clone(),
        },
    }))
}
