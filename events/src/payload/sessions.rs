//! Payloads about logins, sessions and refresh tokens.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::identifier_hash::IdentifierHash;
use super::ip_address;
use crate::open_enum::open_enum;

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
}

/// A login was refused. `userId` is present only if the account is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(not(feature = "producer"), non_exhaustive)]
pub struct LoginFailed {
    /// A keyed hash of the submitted identifier, by which attempts can be counted.
    pub identifier_hash: IdentifierHash,
    /// Why the login was refused. The client never learns it.
    pub reason: LoginFailedReason,
    /// The client's IP address. Personal data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "ip_address")]
    pub ip: Option<IpAddr>,
    /// The client's User-Agent. Personal data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// The consecutive failures for this identifier, including this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u32>,
}

/// A user ended one or more sessions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(not(feature = "producer"), non_exhaustive)]
pub struct LoggedOut {
    /// The session that made the request. With scope `others` it stays active.
    pub session_id: Uuid,
    /// Which sessions ended.
    pub scope: LogoutScope,
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
}

/// A session was revoked. Its tokens are no longer accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(not(feature = "producer"), non_exhaustive)]
pub struct SessionRevoked {
    /// The revoked session.
    pub session_id: Uuid,
    /// Why the session was revoked.
    pub reason: SessionRevokedReason,
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
}

open_enum! {
    /// How a user logged in.
    pub enum LoginMethod {
        /// With a password.
        Password = "password",
        /// With a passkey (WebAuthn).
        Passkey = "passkey",
        /// Through another identity provider.
        Federated = "federated",
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
        /// Proof of possession of a hardware-secured key.
        Hwk = "hwk",
        /// Proof of possession of a software-secured key.
        Swk = "swk",
        /// A confirmation sent by SMS.
        Sms = "sms",
        /// Presence of the user.
        User = "user",
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
        /// The account is locked.
        Locked = "locked",
        /// The second factor was wrong.
        Mfa = "mfa",
    }
}

open_enum! {
    /// Why a session was revoked.
    pub enum SessionRevokedReason {
        /// The account's owner revoked it.
        Logout = "logout",
        /// An administrator revoked it.
        Admin = "admin",
        /// The password was changed.
        PasswordChange = "password_change",
        /// The password was reset.
        PasswordReset = "password_reset",
        /// A refresh token was used twice.
        Reuse = "reuse",
        /// The account was disabled.
        Disabled = "disabled",
        /// The account was deleted.
        Deleted = "deleted",
        /// The session was idle for too long.
        Expired = "expired",
        /// The account had too many sessions, and this was the oldest.
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
