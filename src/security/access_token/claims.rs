//! The claims of an access token, on the wire and parsed.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use super::TokenError;
use crate::domain::ids::{SessionId, UserId};
use crate::domain::user::role::Role;

/// The subject of an access token.
#[derive(Debug, Clone, Copy)]
pub struct AccessGrant<'a> {
    /// `sub`.
    pub user_id: UserId,
    /// `sid`.
    pub session_id: SessionId,
    /// `roles`.
    pub roles: &'a [Role],
}

/// The claims of a verified access token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessClaims {
    /// `sub`: the user.
    pub user_id: UserId,
    /// `sid`: the session.
    pub session_id: SessionId,
    /// `jti`: this token.
    pub token_id: Uuid,
    /// `roles`; an unknown role grants nothing and is left out.
    pub roles: Vec<Role>,
    /// `client_id`.
    pub client_id: String,
    /// `iat`.
    pub issued_at: OffsetDateTime,
    /// `exp`.
    pub expires_at: OffsetDateTime,
}

/// The payload. Numbers are whole and not negative, so a float, 1e300, a negative number or a
/// string is an error, and so is a duplicate member. Unknown members are ignored, since a newer
/// version may add some (RFC 7519 section 4).
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct WireClaims {
    pub(super) iss: String,
    pub(super) sub: UserId,
    pub(super) aud: Audience,
    pub(super) exp: u64,
    pub(super) iat: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) nbf: Option<u64>,
    pub(super) jti: Uuid,
    pub(super) sid: SessionId,
    pub(super) roles: Vec<String>,
    pub(super) client_id: String,
}

/// One audience or several (RFC 7519 section 4.1.3).
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Audience {
    One(String),
    Several(Vec<String>),
}

impl TryFrom<WireClaims> for AccessClaims {
    type Error = TokenError;

    fn try_from(wire: WireClaims) -> Result<Self, TokenError> {
        if wire.client_id.is_empty() {
            return Err(TokenError::BadClaims);
        }
        Ok(Self {
            user_id: wire.sub,
            session_id: wire.sid,
            token_id: wire.jti,
            roles: wire.roles.iter().filter_map(|role| role.parse().ok()).collect(),
            client_id: wire.client_id,
            issued_at: at(wire.iat)?,
            expires_at: at(wire.exp)?,
        })
    }
}

fn at(seconds: u64) -> Result<OffsetDateTime, TokenError> {
    i64::try_from(seconds)
        .ok()
        .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
        .ok_or(TokenError::BadClaims)
}
