//! Section `sessions`: lifetime and number of sessions.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::config::loader::{
    Problems,
    checks::{between, between_durations},
};

/// Lifetime and number of sessions.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SessionsSettings {
    /// Maximum lifetime of a session, regardless of its use.
    #[serde(with = "humantime_serde")]
    pub absolute_ttl: Duration,
    /// How long a session lives without a refresh.
    #[serde(with = "humantime_serde")]
    pub idle_ttl: Duration,
    /// Maximum number of active sessions per user. A new session ends the oldest.
    pub max_per_user: u32,
}

impl SessionsSettings {
    pub(in crate::config) fn check(&self, access_ttl: Duration, problems: &mut Problems) {
        const MONTH: Duration = Duration::from_secs(30 * 24 * 60 * 60);
        let min = Duration::from_secs(60);
        between_durations(problems, "sessions.absolute_ttl", self.absolute_ttl, min, MONTH);
        if self.idle_ttl > self.absolute_ttl {
            problems.refuse("sessions.idle_ttl", "must be at most sessions.absolute_ttl");
        } else if self.idle_ttl < access_ttl {
            problems.refuse(
                "sessions.idle_ttl",
                "must be at least tokens.access_ttl; otherwise a session would end before its first refresh",
            );
        }
        between(problems, "sessions.max_per_user", self.max_per_user, 1, 10_000);
    }
}
