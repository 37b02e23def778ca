//! Payloads about passwords.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::identifier_hash::IdentifierHash;
use super::{ended_sessions, ip_address};

/// A user who knows the password changed it. All sessions of the account ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(not(feature = "producer"), non_exhaustive)]
pub struct PasswordChanged {
    /// The sessions that ended, oldest first; absent when there were none. Those beyond 100 follow
    /// in `session_revoked`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "ended_sessions")]
    pub ended_session_ids: Vec<Uuid>,
}

/// A client requested a password reset. `userId` is present only if an account has the address;
/// only then a mail is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(not(feature = "producer"), non_exhaustive)]
pub struct PasswordResetRequested {
    /// A keyed hash of the submitted address, by which requests can be counted.
    pub identifier_hash: IdentifierHash,
    /// The client's IP address. Personal data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "ip_address")]
    pub ip: Option<IpAddr>,
    /// The client's User-Agent. Personal data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
}

/// The password was reset, with a mailed code or by the operator (`actor`). All sessions of the
/// account ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(not(feature = "producer"), non_exhaustive)]
pub struct PasswordResetCompleted {
    /// The sessions that ended, oldest first; absent when there were none. Those beyond 100 follow
    /// in `session_revoked`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "ended_sessions")]
    pub ended_session_ids: Vec<Uuid>,
}
