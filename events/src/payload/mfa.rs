//! Payloads about second factors. Each names the factor; codes and seeds have no field.

use crate::open_enum::open_enum;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

open_enum! {
    /// The type of a second factor.
    pub enum FactorType {
        /// Time-based codes of an authenticator app (RFC 6238).
        Totp = "totp",
        /// A recovery code, for when the factor itself is lost.
        RecoveryCode = "recovery_code",
    }
}

macro_rules! factor_payloads {
    ($($(#[$doc:meta])* $name:ident;)+) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
            #[serde(rename_all = "camelCase")]
            #[cfg_attr(not(feature = "producer"), non_exhaustive)]
            pub struct $name {
                /// The factor's id.
                pub factor_id: Uuid,
                /// The factor's type.
                pub factor_type: FactorType,
            }
        )+
    };
}

factor_payloads! {
    /// A second factor was activated. Logins require it from now on.
    MfaEnrolled;
    /// A second factor was removed. Logins require only the password again.
    MfaRemoved;
    /// The password of a login was correct, and the second factor was requested.
    MfaChallenged;
    /// The second factor of a login was correct.
    MfaVerified;
    /// The second factor of a login was wrong.
    MfaFailed;
    /// New recovery codes replaced the old ones.
    RecoveryCodesGenerated;
    /// A login used a recovery code of the factor.
    RecoveryCodeUsed;
}
