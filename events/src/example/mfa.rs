//! Examples of the events about second factors.

use uuid::{Uuid, uuid};

use super::Example;
use crate::payload::{
    FactorType, MfaChallenged, MfaEnrolled, MfaFailed, MfaRemoved, MfaVerified, RecoveryCodeUsed,
    RecoveryCodesGenerated,
};

const FACTOR: Uuid = uuid!("0192f3a4-7d1e-7c3a-9b20-0d5f6a7b8c9d");

macro_rules! examples {
    ($($name:ident $seq:literal $factor_type:ident;)+) => {
        $(impl Example for $name {
            const USER_SEQ: i64 = $seq;

            fn example() -> Self {
                Self {
                    factor_id: FACTOR,
                    factor_type: FactorType::$factor_type,
                }
            }
        })+
    };
}

examples! {
    MfaEnrolled 20 Totp;
    RecoveryCodesGenerated 21 Totp;
    MfaChallenged 22 Totp;
    MfaFailed 23 Totp;
    MfaVerified 24 Totp;
    RecoveryCodeUsed 27 RecoveryCode;
    MfaRemoved 30 Totp;
}
