//! The claims of an access token, on the wire and parsed.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use super::TokenError;
use crate::domain::ids::{SessionId, UserId};
use crate::domain::session::AuthenticationMethod;
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
    /// `email_verified`.
    pub email_verified: bool,
    /// `auth_time`: when the user last proved who they are, which began the session.
    pub authenticated_at: OffsetDateTime,
    /// `amr`, and with it `acr`: what was verified then.
    pub amr: &'a [AuthenticationMethod],
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
    /// `aud`.
    pub audience: Vec<String>,
    /// `auth_time`.
    pub authenticated_at: Option<OffsetDateTime>,
    /// `amr`; an unknown method is left out.
    pub amr: Vec<AuthenticationMethod>,
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
    pub(super) sub: String,
    pub(super) aud: Audience,
    pub(super) exp: u64,
    pub(super) iat: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) nbf: Option<u64>,
    pub(super) jti: Uuid,
    pub(super) sid: SessionId,
    pub(super) roles: Vec<String>,
    pub(super) client_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) auth_time: Option<u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) amr: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) acr: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) email_verified: Option<bool>,
}

/// One audience or several (RFC 7519 section 4.1.3).
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Audience {
    One(String),
    Several(Vec<String>),
}

impl From<Vec<String>> for Audience {
    fn from(mut several: Vec<String>) -> Self {
        match (several.pop(), several.is_empty()) {
            (Some(one), true) => Self::One(one),
            (last, _) => Self::Several(several.into_iter().chain(last).collect()),
        }
    }
}

impl From<Audience> for Vec<String> {
    fn from(audience: Audience) -> Self {
        match audience {
            Audience::One(one) => vec![one],
            Audience::Several(several) => several,
        }
    }
}

impl TryFrom<WireClaims> for AccessClaims {
    type Error = TokenError;

    fn try_from(wire: WireClaims) -> Result<Self, TokenError> {
        if wire.client_id.is_empty() {
            return Err(TokenError::BadClaims);
        }
        Ok(Self {
            user_id: wire.sub.parse().map_err(|_| TokenError::BadClaims)?,
            session_id: wire.sid,
            token_id: wire.jti,
            roles: wire.roles.iter().filter_map(|role| role.parse().ok()).collect(),
            client_id: wire.client_id,
            audience: wire.aud.into(),
            authenticated_at: wire.auth_time.map(at).transpose()?,
            amr: wire.amr.iter().filter_map(|method| method.parse().ok()).collect(),
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
