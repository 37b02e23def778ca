//! Payloads about logins, sessions and refresh tokens.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use super::identifier_hash::IdentifierHash;
use super::{ended_sessions, ip_address};
use crate::open_enum::open_enum;
use crate::timestamp::{self, Timestamp};

/// A user logged in, and a session began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(not(feature = "producer"), non_exhaustive)]
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
#[cfg_attr(not(feature = "producer"), non_exhaustive)]
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
#[cfg_attr(not(feature = "producer"), non_exhaustive)]
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
#[cfg_attr(not(feature = "producer"), non_exhaustive)]
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
#[cfg_attr(not(feature = "producer"), non_exhaustive)]
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
#[cfg_attr(not(feature = "producer"), non_exhaustive)]
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

open_enum! {
    /// How a user logged in.
    pub enum LoginMethod {
        /// With a password.
        Password = "password",
    }
}

open_enum! {
    /// An authentication method that was verified at a login, with its value in RFC 8176.
    pub enum AuthMethod {
        /// A password.
        Pwd = "pwd",
        /// A one-time password.
        Otp = "otp",
        /// More than one factor.
        Mfa = "mfa",
    }
}

open_enum! {
    /// Which sessions a logout ended.
    pub enum LogoutScope {
        /// The session that made the request.
        Local = "local",
        /// All sessions except the one that made the request.
        Others = "others",
        /// All sessions.
        Global = "global",
    }
}

open_enum! {
    /// Why a login was refused.
    pub enum LoginFailedReason {
        /// No account has this identifier.
        UnknownAccount = "unknown_account",
        /// The password was wrong.
        WrongPassword = "wrong_password",
        /// The account is disabled.
        Disabled = "disabled",
    }
}

open_enum! {
    /// Why sessions were revoked.
    pub enum SessionRevokedReason {
        /// The account's owner revoked them, or a client did for the owner (RFC 7009). Also the
        /// rest of a `logged_out`.
        Logout = "logout",
        /// An administrator revoked them.
        Admin = "admin",
        /// The rest of a `password_changed`.
        PasswordChange = "password_change",
        /// The rest of a `password_reset_completed`.
        PasswordReset = "password_reset",
        /// The rest of a `disabled`.
        Disabled = "disabled",
        /// The rest of a `deleted`.
        Deleted = "deleted",
        /// The account had too many sessions, and these were the oldest.
        Limit = "limit",
    }
}

open_enum! {
    /// How the service responds to a reused refresh token.
    pub enum ReuseAction {
        /// The service revokes the session at once.
        SessionRevoked = "session_revoked",
    }
}
