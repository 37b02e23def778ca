//! Payloads about logins, sessions and refresh tokens.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::identifier_hash::IdentifierHash;
use super::ip_address;

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
}

/// A login was refused. `userId` is present only if the account is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
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
pub struct LoggedOut {
    /// The session that made the request. With scope `others` it stays active.
    pub session_id: Uuid,
    /// Which sessions ended.
    pub scope: LogoutScope,
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
}

/// A session was revoked. Its tokens are no longer accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
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

/// How a user logged in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LoginMethod {
    /// With a password.
    Password,
    /// With a passkey (WebAuthn).
    Passkey,
    /// Through another identity provider.
    Federated,
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
    /// Proof of possession of a hardware-secured key.
    Hwk,
    /// Proof of possession of a software-secured key.
    Swk,
    /// A confirmation sent by SMS.
    Sms,
    /// Presence of the user.
    User,
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
    /// The account is locked.
    Locked,
    /// The second factor was wrong.
    Mfa,
}

/// Why a session was revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SessionRevokedReason {
    /// The account's owner revoked it.
    Logout,
    /// An administrator revoked it.
    Admin,
    /// The password was changed.
    PasswordChange,
    /// The password was reset.
    PasswordReset,
    /// A refresh token was used twice.
    Reuse,
    /// The account was disabled.
    Disabled,
    /// The account was deleted.
    Deleted,
    /// The session was idle for too long.
    Expired,
    /// The account had too many sessions, and this was the oldest.
    Limit,
}

/// How the service responds to a reused refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReuseAction {
    /// The service revokes the session at once.
    SessionRevoked,
}
