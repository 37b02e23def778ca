//! Introspects a token (RFC 7662): whether it is accepted now, and whose it is. Changes and records
//! nothing.

use time::OffsetDateTime;
use uuid::Uuid;

use crate::actions::context::Dependencies;
use crate::actions::{Context, Failure, Services};
use crate::domain::ids::{SessionId, UserId};
use crate::domain::session::{AuthenticationMethod, SessionState};
use crate::domain::text::prefixes::REFRESH_TOKEN_PREFIX;
use crate::domain::user::role::Role;
use crate::domain::user::{User, UserStatus};
use crate::security::{AccessClaims, TokenError};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Introspection {
    /// Unknown, forged, expired, used, revoked, or of a user who may not log in; the client cannot
    /// tell which.
    Inactive,
    /// The token is accepted now.
    Active(Box<ActiveToken>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActiveToken {
    pub issuer: String,
    pub user_id: UserId,
    pub session_id: SessionId,
    /// The user's roles now, which may differ from those when the token was issued.
    pub roles: Vec<Role>,
    pub issued_at: OffsetDateTime,
    pub expires_at: OffsetDateTime,
    pub kind: TokenKind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenKind {
    /// A bearer token for resource servers.
    Access {
        token_id: Uuid,
        client_id: String,
        audience: Vec<String>,
        authenticated_at: Option<OffsetDateTime>,
        amr: Vec<AuthenticationMethod>,
    },
    /// Accepted at `/auth/refresh` only.
    Refresh,
}

/// Introspect an access token from the session cache alone; `None` when the cache does not know its
/// session.
#[must_use]
pub fn cached(services: &Services, token: &str) -> Option<Introspection> {
    let services = &services.0;
    let now = services.clock.now();
    let claims = services.access.verify(token, now).ok()?;
    let user = services.session_cache.cached(claims.session_id, now)?;
    services.clients.introspected("access", true);
    Some(active_access(services, &claims, &user))
}

/// Introspect a token of either kind.
///
/// # Errors
/// [`Failure`]
pub async fn run(cx: Context, token: String) -> Result<Introspection, Failure> {
    let (kind, found) = if token.starts_with(REFRESH_TOKEN_PREFIX) {
        ("refresh", refresh_token(&cx, &token).await?)
    } else {
        ("access", access_token(&cx, &token).await?)
    };
    let is_active = found != Introspection::Inactive;
    cx.services.clients.introspected(kind, is_active);
    Ok(found)
}

async fn access_token(cx: &Context, token: &str) -> Result<Introspection, Failure> {
    let now = cx.now();
    let claims = match cx.services.access.verify(token, now) {
        Ok(claims) => claims,
        Err(error) => return refuse(cx, error).await,
    };
    let user = cx.services.session_cache.lookup(claims.session_id, now).await?;
    Ok(user.map_or(Introspection::Inactive, |user| active_access(&cx.services, &claims, &user)))
}

async fn refresh_token(cx: &Context, token: &str) -> Result<Introspection, Failure> {
    let (services, now) = (&cx.services, cx.now());
    let claim = match services.refresh.parse(token) {
        Ok(claim) => claim,
        Err(error) => return refuse(cx, error).await,
    };
    let Some((session, user)) = services.store.session_with_user(claim.session_id).await? else {
        return Ok(Introspection::Inactive);
    };
    // The predecessor of the live token is still exchanged for a few seconds, but it has been used.
    let is_active = session.state(now, &services.sessions) == SessionState::Active;
    if !is_active || claim.generation != session.generation || user.status != UserStatus::Active {
        return Ok(Introspection::Inactive);
    }
    Ok(Introspection::Active(Box::new(ActiveToken {
        issuer: services.access.policy().issuer.clone(),
        user_id: user.id,
        session_id: session.id,
        roles: user.roles,
        issued_at: session.rotated_at,
        expires_at: session.ends_at(&services.sessions),
        kind: TokenKind::Refresh,
    })))
}

/// Query a session that does not exist, so that a text that was never a token takes as long as a
/// revoked token.
async fn refuse(cx: &Context, error: TokenError) -> Result<Introspection, Failure> {
    tracing::debug!(reason = error.reason(), "introspected token refused");
    cx.services.store.session_with_user(SessionId::NIL).await?;
    Ok(Introspection::Inactive)
}

fn active_access(services: &Dependencies, claims: &AccessClaims, user: &User) -> Introspection {
    let policy = services.access.policy();
    Introspection::Active(Box::new(ActiveToken {
        issuer: policy.issuer.clone(),
        user_id: user.id,
        session_id: claims.session_id,
        roles: user.roles.clone(),
        issued_at: claims.issued_at,
        expires_at: claims.expires_at,
        kind: TokenKind::Access {
            token_id: claims.token_id,
            client_id: claims.client_id.clone(),
            audience: claims.audience.clone(),
            authenticated_at: claims.authenticated_at,
            amr: claims.amr.clone(),
        },
    }))
}
