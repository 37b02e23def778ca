//! Section `sessions`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    Problems,
    checks::{between, between_durations},
};

/// Lifetimes and number of sessions.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SessionsSettings {
    /// Longest life of a session, however active it is.
    #[serde(with = "humantime_serde")]
    pub absolute_ttl: Duration,
    /// A session ends when it is not refreshed for this long.
    #[serde(with = "humantime_serde")]
    pub idle_ttl: Duration,
    /// Live sessions a user may have; the oldest gives way.
    pub max_per_user: u32,
}

impl SessionsSettings {
    pub(super) fn check(&self, access_ttl: Duration, problems: &mut Problems) {
        const MONTH: Duration = Duration::from_secs(30 * 24 * 60 * 60);
        let least = Duration::from_secs(60);
        between_durations(problems, "sessions.absolute_ttl", self.absolute_ttl, least, MONTH);
        if self.idle_ttl > self.absolute_ttl {
            problems.refuse("sessions.idle_ttl", "must not be longer than sessions.absolute_ttl");
        } else if self.idle_ttl < access_ttl {
            problems.refuse(
                "sessions.idle_ttl",
                "must not be shorter than tokens.access_ttl, or a session would end before its first refresh",
            );
        }
        between(problems, "sessions.max_per_user", self.max_per_user, 1, 10_000);
    }
}
