//! Payloads about an account and its identifiers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::open_enum::open_enum;

/// An account was created.
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
}

/// The account's data changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(not(feature = "producer"), non_exhaustive)]
pub struct Updated {
    /// The names of the fields that changed, never their values.
    pub changed_fields: Vec<ChangedField>,
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
pub struct EmailVerified {}

/// The account's email address changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(not(feature = "producer"), non_exhaustive)]
pub struct EmailChanged {
    /// The previous address. Personal data; only in the profile `full`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old: Option<String>,
    /// The new address. Personal data; only in the profile `full`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new: Option<String>,
}

/// The account's username was set, changed or removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(not(feature = "producer"), non_exhaustive)]
pub struct UsernameChanged {
    /// The previous username, if any. Personal data; only in the profile `full`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old: Option<String>,
    /// The new username, if any. Personal data; only in the profile `full`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new: Option<String>,
}

/// The account was deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(not(feature = "producer"), non_exhaustive)]
pub struct Deleted {
    /// Who deleted the account.
    pub reason: DeletedReason,
}

open_enum! {
    /// A field of an account that its owner or an administrator may change, named as in the HTTP
    /// API.
    pub enum ChangedField {
        /// The email address.
        Email = "email",
        /// The username.
        Username = "username",
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
