//! Payloads about what administrators do to accounts.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A role was granted to the account. `actor` names who granted it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoleGranted {
    /// The granted role.
    pub role: String,
}

/// A role of the account was revoked. `actor` names who revoked it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoleRevoked {
    /// The revoked role.
    pub role: String,
}

/// The account was disabled. All its sessions ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Disabled {
    /// Who disabled the account.
    pub reason: DisabledReason,
}

/// A disabled account was enabled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Enabled {
    /// Who enabled the account.
    pub reason: EnabledReason,
}

/// The account's login rate limit was reset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Unlocked {
    /// Why the limit was reset.
    pub reason: UnlockedReason,
}

/// Who disabled an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DisabledReason {
    /// An administrator.
    Admin,
    /// The service, for the account's security.
    Security,
}

/// Who enabled an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EnabledReason {
    /// An administrator.
    Admin,
}

/// Why an account's login rate limit was reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UnlockedReason {
    /// An administrator reset it.
    Admin,
    /// The password was reset.
    PasswordReset,
    /// The lock expired.
    Expired,
}
