//! Events about second factors that more than one action records.

use watchword_events::{FactorType, MfaRemoved};

use crate::domain::second_factor::SealedFactor;

pub(in crate::actions) fn mfa_removed(factor: &SealedFactor) -> MfaRemoved {
    MfaRemoved {
        factor_id: factor.id.as_uuid(),
        factor_type: FactorType::Totp,
    }
}
