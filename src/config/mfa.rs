//! Section `mfa`: second factors.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Problems, checks::between_durations};

/// Most characters of an issuer: it stands on a phone, and in a QR code.
const LONGEST_ISSUER: usize = 64;

/// Second factors of logins.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct MfaSettings {
    /// The name that authenticator apps show beside the account.
    pub issuer: String,
    /// How long a login may wait for its second factor.
    #[serde(with = "humantime_serde")]
    pub challenge_ttl: Duration,
}

impl MfaSettings {
    pub(super) fn check(&self, problems: &mut Problems) {
        let length = self.issuer.chars().count();
        if !(1..=LONGEST_ISSUER).contains(&length)
            || self.issuer.contains(':')
            || self.issuer.chars().any(char::is_control)
        {
            problems.refuse(
                "mfa.issuer",
                format!("must have 1 to {LONGEST_ISSUER} characters, none of them a colon"),
            );
        }
        let (least, most) = (Duration::from_secs(30), Duration::from_secs(15 * 60));
        between_durations(problems, "mfa.challenge_ttl", self.challenge_ttl, least, most);
    }
}
