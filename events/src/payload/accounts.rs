//! Payloads about an account and its identifiers.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use time::OffsetDateTime;
use uuid::Uuid;

use super::sessions::{AuthMethod, LoginMethod};
use super::{ended_sessions, ip_address};
use crate::open_enum::open_enum;
use crate::timestamp::{self, Timestamp};

/// An account was created. When its owner registered it, the first session began: no `logged_in`
/// follows, and the event has the session's fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(not(feature = "producer"), non_exhaustive)]
pub struct Registered {
    /// The email address, as entered. Personal data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The username, if any. Personal data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The display name, if any. Personal data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// One of the account types in the service's configuration.
    pub account_type: String,
    /// The account's initial roles.
    pub roles: Vec<String>,
    /// The account's status.
    pub status: AccountStatus,
    /// Whether the email address is verified.
    pub email_verified: bool,
    /// The profile, if it has fields. Personal data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<Map<String, Value>>,
    /// The first session. This and the following fields are absent when none began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<Uuid>,
    /// The client's IP address. Personal data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "ip_address")]
    pub ip: Option<IpAddr>,
    /// The client's User-Agent. Personal data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// As in `logged_in`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<LoginMethod>,
    /// As in `logged_in`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amr: Option<Vec<AuthMethod>>,
    /// When the session ends, however often it is refreshed.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "timestamp::optional")]
    #[schemars(with = "Option<Timestamp>")]
    pub expires_at: Option<OffsetDateTime>,
    /// When the session ends unless it is refreshed before; never later than `expiresAt`.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "timestamp::optional")]
    #[schemars(with = "Option<Timestamp>")]
    pub idle_expires_at: Option<OffsetDateTime>,
}

/// The account's data changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(not(feature = "producer"), non_exhaustive)]
pub struct Updated {
    /// The names of the fields that changed. One whose value is absent was removed, or is personal
    /// data that `events.pii` leaves out.
    pub changed_fields: Vec<ChangedField>,
    /// The new display name. Personal data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The new account type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_type: Option<String>,
    /// The whole profile as it is now. Personal data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<Map<String, Value>>,
}

/// The user requested another verification mail. The mail sent with `registered` has no event of
/// its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(not(feature = "producer"), non_exhaustive)]
pub struct EmailVerificationRequested {}

/// The user proved access to the account's email address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(not(feature = "producer"), non_exhaustive)]
pub struct EmailVerified {
    /// Whether the email address is verified now.
    pub email_verified: bool,
}

/// The account's email address changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(not(feature = "producer"), non_exhaustive)]
pub struct EmailChanged {
    /// The previous address. Personal data; only in the profile `full`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_email: Option<String>,
    /// The new address. Personal data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Whether the new address is verified.
    pub email_verified: bool,
}

/// The account's username was set, changed or removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(not(feature = "producer"), non_exhaustive)]
pub struct UsernameChanged {
    /// The previous username, if any. Personal data; only in the profile `full`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_username: Option<String>,
    /// The new username; absent when it was removed. Personal data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
}

/// The account was deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(not(feature = "producer"), non_exhaustive)]
pub struct Deleted {
    /// Who deleted the account.
    pub reason: DeletedReason,
    /// The account's status now.
    pub status: AccountStatus,
    /// The sessions that ended, oldest first; absent when there were none. Those beyond 100 follow
    /// in `session_revoked`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "ended_sessions")]
    pub ended_session_ids: Vec<Uuid>,
}

open_enum! {
    /// A field of an account that its owner or an administrator may change, named as in the HTTP
    /// API.
    pub enum ChangedField {
        /// The display name.
        Name = "name",
        /// The account type.
        AccountType = "accountType",
        /// The profile.
        Profile = "profile",
    }
}

open_enum! {
    /// Who deleted an account.
    pub enum DeletedReason {
        /// The account's owner.
        User = "user",
        /// An administrator.
        Admin = "admin",
    }
}

open_enum! {
    /// Whether an account's user may log in.
    pub enum AccountStatus {
        /// The user may log in.
        Active = "active",
        /// The account is disabled.
        Disabled = "disabled",
        /// The account is deleted.
        Deleted = "deleted",
    }
}
