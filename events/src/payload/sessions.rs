//! Payloads about logins, sessions and refresh tokens.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use super::identifier_hash::IdentifierHash;
use super::{ended_sessions, ip_address};
use crate::timestamp::{self, Timestamp};

/// A user logged in, and a session began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LoggedIn {
    /// The new session.
    pub session_id: Uuid,
    /// The account's email address. Personal data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The client's IP address. Personal data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "ip_address")]
    pub ip: Option<IpAddr>,
    /// The client's User-Agent. Personal data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// How the user logged in.
    pub method: LoginMethod,
    /// The authentication methods that were verified (RFC 8176).
    pub amr: Vec<AuthMethod>,
    /// When the session ends, however often it is refreshed.
    #[serde(with = "timestamp::required")]
    #[schemars(with = "Timestamp")]
    pub expires_at: OffsetDateTime,
    /// When the session ends unless it is refreshed before; never later than `expiresAt`.
    #[serde(with = "timestamp::required")]
    #[schemars(with = "Timestamp")]
    pub idle_expires_at: OffsetDateTime,
}

/// A login was refused. `userId` is present only if the account is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LoginFailed {
    /// A keyed hash of the submitted identifier, by which attempts can be counted.
    pub identifier_hash: IdentifierHash,
    /// Why the password was refused. The client never learns it; a wrong second factor is
    /// `mfa_failed`.
    pub reason: LoginFailedReason,
    /// The client's IP address. Personal data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "ip_address")]
    pub ip: Option<IpAddr>,
    /// The client's User-Agent. Personal data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
}

/// A user ended one or more sessions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LoggedOut {
    /// The session that made the request. With scope `others` it stays active.
    pub session_id: Uuid,
    /// Which sessions were to end.
    pub scope: LogoutScope,
    /// The sessions that ended, oldest first. Those beyond 100 follow in `session_revoked`.
    #[schemars(schema_with = "ended_sessions")]
    pub ended_session_ids: Vec<Uuid>,
}

/// A refresh token was exchanged for a new one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TokenRefreshed {
    /// The session of the token.
    pub session_id: Uuid,
    /// The generation of the new refresh token.
    #[schemars(range(min = 0))]
    pub generation: i64,
    /// When the session ends unless it is refreshed before; never later than `expiresAt`.
    #[serde(with = "timestamp::required")]
    #[schemars(with = "Timestamp")]
    pub idle_expires_at: OffsetDateTime,
}

/// Sessions were revoked: one, or several for one reason. Their tokens are no longer accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionRevoked {
    /// The session, if only one was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<Uuid>,
    /// Why the sessions were revoked.
    pub reason: SessionRevokedReason,
    /// The sessions that ended, oldest first. Those beyond 100 follow in further events.
    #[schemars(schema_with = "ended_sessions")]
    pub ended_session_ids: Vec<Uuid>,
}

/// A refresh token was presented again after its exchange, as happens with a stolen one (RFC 9700,
/// section 4.14.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TokenReuseDetected {
    /// The session of the token.
    pub session_id: Uuid,
    /// The generation of the presented token.
    #[schemars(range(min = 0))]
    pub presented_generation: i64,
    /// The current generation.
    #[schemars(range(min = 0))]
    pub current_generation: i64,
    /// How the service responded.
    pub action: ReuseAction,
    /// The session that ended.
    #[schemars(schema_with = "ended_sessions")]
    pub ended_session_ids: Vec<Uuid>,
}

/// How a user logged in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LoginMethod {
    /// With a password.
    Password,
}

/// An authentication method that was verified at a login, with its value in RFC 8176.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AuthMethod {
    /// A password.
    Pwd,
    /// A one-time password.
    Otp,
    /// More than one factor.
    Mfa,
}

/// Which sessions a logout ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogoutScope {
    /// The session that made the request.
    Local,
    /// All sessions except the one that made the request.
    Others,
    /// All sessions.
    Global,
}

/// Why a login was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LoginFailedReason {
    /// No account has this identifier.
    UnknownAccount,
    /// The password was wrong.
    WrongPassword,
    /// The account is disabled.
    Disabled,
}

/// Why sessions were revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SessionRevokedReason {
    /// The account's owner revoked them, or a client did for the owner (RFC 7009). Also the rest of
    /// a `logged_out`.
    Logout,
    /// An administrator revoked them.
    Admin,
    /// The rest of a `password_changed`.
    PasswordChange,
    /// The rest of a `password_reset_completed`.
    PasswordReset,
    /// The rest of a `disabled`.
    Disabled,
    /// The rest of a `deleted`.
    Deleted,
    /// The account had too many sessions, and these were the oldest.
    Limit,
}

/// How the service responds to a reused refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReuseAction {
    /// The service revokes the session at once.
    SessionRevoked,
}
