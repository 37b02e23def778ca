//! What administrators do to accounts, and changes of the identifiers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The account's address changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EmailChanged {
    /// The address before. Personal data; only in the profile `full`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old: Option<String>,
    /// The address now. Personal data; only in the profile `full`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new: Option<String>,
}

/// The account's login name was set, changed or removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UsernameChanged {
    /// The name before, if there was one. Personal data; only in the profile `full`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old: Option<String>,
    /// The name now, if there is one. Personal data; only in the profile `full`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new: Option<String>,
}

/// The account may do something more. `actor` says who granted it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoleGranted {
    /// The role.
    pub role: String,
}

/// The account may do something no more. `actor` says who took it away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoleRevoked {
    /// The role.
    pub role: String,
}

/// The account may not log in, and every session of it has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Disabled {
    /// Who decided it.
    pub reason: DisabledReason,
}

/// A disabled account may log in again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Enabled {
    /// Who decided it.
    pub reason: EnabledReason,
}

/// Failed logins no longer count against the account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Unlocked {
    /// Why.
    pub reason: UnlockedReason,
}

/// Who decided that an account is disabled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DisabledReason {
    /// An administrator.
    Admin,
    /// The service itself, because of what happened to the account.
    Security,
}

/// Who decided that an account is enabled again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EnabledReason {
    /// An administrator.
    Admin,
}

/// Why failed logins no longer count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UnlockedReason {
    /// An administrator decided it.
    Admin,
    /// The password was reset.
    PasswordReset,
    /// The time of the lock was over.
    Expired,
}
