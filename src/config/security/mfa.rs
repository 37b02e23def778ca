//! Section `mfa`: second factors.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::config::loader::{Problems, checks::between_durations};

/// Maximum length of an issuer in characters: it is shown on a phone and encoded in a QR code.
const MAX_ISSUER_LENGTH: usize = 64;

/// Second factors.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct MfaSettings {
    /// Name that authenticator apps show beside the account.
    pub issuer: String,
    /// How long a login waits for the second factor.
    #[serde(with = "humantime_serde")]
    pub challenge_ttl: Duration,
}

impl MfaSettings {
    pub(in crate::config) fn check(&self, problems: &mut Problems) {
        let length = self.issuer.chars().count();
        if !(1..=MAX_ISSUER_LENGTH).contains(&length)
            || self.issuer.contains(':')
            || self.issuer.chars().any(char::is_control)
        {
            problems.refuse("mfa.issuer", format!("must have 1 to {MAX_ISSUER_LENGTH} characters and no colon"));
        }
        let (min, max) = (Duration::from_secs(30), Duration::from_secs(15 * 60));
        between_durations(problems, "mfa.challenge_ttl", self.challenge_ttl, min, max);
    }
}
