//! The payload about a password that an operation required again.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::identifier_hash::IdentifierHash;
use super::ip_address;
use crate::open_enum::open_enum;

/// An operation required the account's password again, and it was wrong. Nothing was changed. No
/// login was attempted: that is `login_failed`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(not(feature = "producer"), non_exhaustive)]
pub struct ReauthenticationFailed {
    /// The operation that was refused.
    pub operation: ReauthenticationOperation,
    /// Why it was refused.
    pub reason: ReauthenticationFailedReason,
    /// The user's session that made the request. Absent when no session of the user did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<Uuid>,
    /// A keyed hash of the account's email address, the same as in `login_failed` and
    /// `rate_limited`.
    pub identifier_hash: IdentifierHash,
    /// The client's IP address. Personal data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "ip_address")]
    pub ip: Option<IpAddr>,
    /// The client's User-Agent. Personal data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
}

open_enum! {
    /// An operation that requires the password again.
    pub enum ReauthenticationOperation {
        /// The user deletes the account.
        DeleteAccount = "delete_account",
        /// The user changes the password.
        ChangePassword = "change_password",
        /// The user sets up an authenticator.
        EnrollTotp = "enroll_totp",
        /// The user removes the authenticator.
        RemoveTotp = "remove_totp",
        /// The user replaces the recovery codes.
        GenerateRecoveryCodes = "generate_recovery_codes",
        /// A client repeats a registration with its idempotency key.
        RepeatRegistration = "repeat_registration",
        /// An administrator repeats the creation of a user with its idempotency key.
        RepeatUserCreation = "repeat_user_creation",
    }
}

open_enum! {
    /// Why an operation was refused.
    pub enum ReauthenticationFailedReason {
        /// The password was wrong.
        WrongPassword = "wrong_password",
    }
}
