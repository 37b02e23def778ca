//! The payload of every event: what stands in `data` beside `userId`, `timestamp`, `userSeq` and `actor`.
//!
//! These types are closed on purpose. A secret has no field to travel in, and what an unknown person typed
//! into a login form is present as a keyed hash only. Within one major version an optional field may be
//! added, but no enum here may grow: a reader's schema would refuse the new value. Each enum therefore
//! already lists what the service is going to say.
//!
//! Fields that are personal data are optional, because the profile [`Pii`](crate::Pii) may leave them out.

mod accounts;
mod factors;
mod identifier_hash;

use std::net::IpAddr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

pub use self::accounts::{
    Disabled, DisabledReason, EmailChanged, Enabled, EnabledReason, RoleGranted, RoleRevoked, Unlocked, UnlockedReason,
    UsernameChanged,
};
pub use self::factors::{
    FactorType, MfaChallenged, MfaEnrolled, MfaFailed, MfaRemoved, MfaVerified, RecoveryCodeUsed,
    RecoveryCodesGenerated,
};
pub use self::identifier_hash::{IdentifierHash, ParseIdentifierHashError};

/// A new account exists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Registered {
    /// The address as the person gave it. Personal data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The chosen login name, if any. Personal data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The display name, if any. Personal data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// One of the account types the service is configured with.
    pub account_type: String,
    /// The roles the account starts with.
    pub roles: Vec<String>,
}

/// Credentials were accepted and a session began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LoggedIn {
    /// The session that began.
    pub session_id: Uuid,
    /// The account's address. Personal data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The client's address. Personal data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "ip_address")]
    pub ip: Option<IpAddr>,
    /// The client's User-Agent. Personal data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// How the person logged in.
    pub method: LoginMethod,
    /// What was checked, in RFC 8176 terms.
    pub amr: Vec<AuthMethod>,
}

/// The person ended one or more sessions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LoggedOut {
    /// The session that asked; with scope `others` it is the one that goes on.
    pub session_id: Uuid,
    /// Which sessions ended.
    pub scope: LogoutScope,
}

/// A refresh token was exchanged for its successor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TokenRefreshed {
    /// The session that goes on.
    pub session_id: Uuid,
    /// The generation of the refresh token that was issued.
    #[schemars(range(min = 0))]
    pub generation: i64,
}

/// The account's own data changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Updated {
    /// Which fields changed: their names, never their values.
    pub changed_fields: Vec<ChangedField>,
}

/// The account was deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Deleted {
    /// Who decided it.
    pub reason: DeletedReason,
}

/// The person asked for another mail to confirm the account's address. The one that comes with `registered` is part of that event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EmailVerificationRequested {}

/// The person showed that they read the mails of the account's address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EmailVerified {}

/// The password was changed by who knows the old one. Every session of the account ended with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PasswordChanged {}

/// Somebody asked for a new password. `userId` is present only when an account has the address; only then a mail is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PasswordResetRequested {
    /// Stands for the address that was typed, so that requests can be counted.
    pub identifier_hash: IdentifierHash,
    /// The client's address. Personal data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "ip_address")]
    pub ip: Option<IpAddr>,
    /// The client's User-Agent. Personal data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
}

/// A new password was set with a mailed code. Every session of the account ended with the old one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PasswordResetCompleted {}

/// A login was refused. `userId` is present only when the account is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LoginFailed {
    /// Stands for the identifier that was typed, so that attempts can be counted.
    pub identifier_hash: IdentifierHash,
    /// Why it was refused. The client is never told.
    pub reason: LoginFailedReason,
    /// The client's address. Personal data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "ip_address")]
    pub ip: Option<IpAddr>,
    /// The client's User-Agent. Personal data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// Failures in a row for this identifier, this one included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u32>,
}

/// Tries were refused for being too many: one event for each limiter and key, and minute, of each instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RateLimited {
    /// Which limiter refused, as in the header `RateLimit-Policy`: `login`, `login_account`, `register`, …
    pub limiter: String,
    /// The client's address, when all tries came from one. Personal data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "ip_address")]
    pub ip: Option<IpAddr>,
    /// Stands for the identifier that was typed, where the limiter counts by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identifier_hash: Option<IdentifierHash>,
    /// Seconds that the last one was told to wait.
    #[schemars(range(min = 1))]
    pub retry_after: u64,
    /// How many tries were refused.
    #[schemars(range(min = 1))]
    pub count: u64,
}

/// A session was ended before its time; its tokens are no longer accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionRevoked {
    /// The session that ended.
    pub session_id: Uuid,
    /// Why it ended.
    pub reason: SessionRevokedReason,
}

/// A refresh token that was already exchanged came back: a copy is in someone else's hands (RFC 9700 section 4.14.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TokenReuseDetected {
    /// The session the token belongs to.
    pub session_id: Uuid,
    /// The generation of the token that came back.
    #[schemars(range(min = 0))]
    pub presented_generation: i64,
    /// The generation that was current.
    #[schemars(range(min = 0))]
    pub current_generation: i64,
    /// What the service did about it.
    pub action: ReuseAction,
}

/// An application recorded something of its own about its user. `actor` says who sent it: all of it is the sender's word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Custom {
    /// The application's name for what happened: a letter, then up to 63 letters, digits, `_`, `-` or `.`.
    #[schemars(length(min = 1, max = 64))]
    pub name: String,
    /// What the application says about it: at most 32 keys at all depths together, and 4 KiB of compact JSON. May hold personal data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attributes: Option<Map<String, Value>>,
}

/// How a person logged in.
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

/// What was checked when a person logged in: the values of RFC 8176 that an auth service can vouch for.
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
    /// Presence of the person.
    User,
}

/// Which sessions a logout ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogoutScope {
    /// The session that asked.
    Local,
    /// All sessions but the one that asked.
    Others,
    /// All sessions.
    Global,
}

/// A field of an account that its owner or an administrator may change, named as in the HTTP API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ChangedField {
    /// The address.
    Email,
    /// The login name.
    Username,
    /// The display name.
    Name,
    /// The account type.
    AccountType,
    /// The profile.
    Profile,
}

/// Who decided that an account is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeletedReason {
    /// Its owner.
    User,
    /// An administrator.
    Admin,
}

/// Why a login was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LoginFailedReason {
    /// No account has this identifier.
    UnknownAccount,
    /// The password is wrong.
    WrongPassword,
    /// The account is disabled.
    Disabled,
    /// The account is locked.
    Locked,
    /// The second factor failed.
    Mfa,
}

/// Why a session ended before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SessionRevokedReason {
    /// Its owner ended it.
    Logout,
    /// An administrator ended it.
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
    /// It was not used for too long.
    Expired,
    /// The account had too many sessions; this was the oldest.
    Limit,
}

/// What the service does when a refresh token comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReuseAction {
    /// The session is revoked at once.
    SessionRevoked,
}

/// JSON Schema has no format for "an address of either family".
fn ip_address(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "anyOf": [{ "format": "ipv4" }, { "format": "ipv6" }] })
}
