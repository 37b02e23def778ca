//! Payloads about what administrators do to accounts.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{AccountStatus, ended_sessions};
use crate::open_enum::open_enum;

/// A role was granted to the account. `actor` names who granted it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(not(feature = "producer"), non_exhaustive)]
pub struct RoleGranted {
    /// The granted role.
    pub role: String,
    /// All roles of the account now.
    pub roles: Vec<String>,
}

/// A role of the account was revoked. `actor` names who revoked it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(not(feature = "producer"), non_exhaustive)]
pub struct RoleRevoked {
    /// The revoked role.
    pub role: String,
    /// All roles of the account now.
    pub roles: Vec<String>,
}

/// The account was disabled. All its sessions ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(not(feature = "producer"), non_exhaustive)]
pub struct Disabled {
    /// Who disabled the account.
    pub reason: DisabledReason,
    /// The account's status now.
    pub status: AccountStatus,
    /// The sessions that ended, oldest first; absent when there were none. Those beyond 100 follow
    /// in `session_revoked`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "ended_sessions")]
    pub ended_session_ids: Vec<Uuid>,
}

/// A disabled account was enabled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(not(feature = "producer"), non_exhaustive)]
pub struct Enabled {
    /// Who enabled the account.
    pub reason: EnabledReason,
    /// The account's status now.
    pub status: AccountStatus,
}

/// The account's login rate limit was reset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(not(feature = "producer"), non_exhaustive)]
pub struct Unlocked {
    /// Why the limit was reset.
    pub reason: UnlockedReason,
}

open_enum! {
    /// Who disabled an account.
    pub enum DisabledReason {
        /// An administrator.
        Admin = "admin",
    }
}

open_enum! {
    /// Who enabled an account.
    pub enum EnabledReason {
        /// An administrator.
        Admin = "admin",
        /// The operator, from the command line.
        Operator = "operator",
    }
}

open_enum! {
    /// Why an account's login rate limit was reset.
    pub enum UnlockedReason {
        /// An administrator reset it.
        Admin = "admin",
        /// The operator reset it, from the command line.
        Operator = "operator",
    }
}
