//! Payloads about second factors. All say the same: which one. Codes and seeds have no field to travel in.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What a second factor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FactorType {
    /// An authenticator's time-based codes (RFC 6238).
    Totp,
    /// A passkey or security key (WebAuthn).
    Webauthn,
    /// One of the codes for when the factor itself is lost.
    RecoveryCode,
}

macro_rules! about_a_factor {
    ($($(#[$doc:meta])* $name:ident;)+) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
            #[serde(rename_all = "camelCase")]
            pub struct $name {
                /// The factor.
                pub factor_id: Uuid,
                /// What it is.
                pub factor_type: FactorType,
            }
        )+
    };
}

about_a_factor! {
    /// A second factor is in use: logins need it from now on.
    MfaEnrolled;
    /// A second factor was given up: logins need the password alone again.
    MfaRemoved;
    /// A login's password was right, and the second factor was asked for.
    MfaChallenged;
    /// The second factor of a login was right.
    MfaVerified;
    /// The second factor of a login was wrong.
    MfaFailed;
    /// New recovery codes took the place of the old ones.
    RecoveryCodesGenerated;
    /// A login used up a recovery code of the factor.
    RecoveryCodeUsed;
}
