//! Section `redis`.

use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use super::{
    Problems,
    checks::{between_durations, scheme_of},
    parse, redact,
};

/// The denylist and the rate limits shared by all instances.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RedisSettings {
    /// `redis://…` or `rediss://…`; none: both are kept in this process.
    #[serde(default, deserialize_with = "parse::secret", serialize_with = "redact::secret_url")]
    pub url: Option<SecretString>,
    /// Longest wait for one command, after which the database is asked instead.
    #[serde(with = "humantime_serde")]
    pub timeout: Duration,
}

impl RedisSettings {
    pub(super) fn check(&self, problems: &mut Problems) {
        if let Some(url) = &self.url {
            let known = [
                "redis",
                "rediss",
                "valkey",
                "valkeys",
                "unix",
                "redis+unix",
                "valkey+unix",
            ];
            if !scheme_of(url.expose_secret()).is_some_and(|scheme| known.contains(&scheme)) {
                problems.refuse(
                    "redis.url",
                    "must start with redis://, rediss:// or redis+unix://; leave it out to work without Redis",
                );
            }
        }
        between_durations(
            problems,
            "redis.timeout",
            self.timeout,
            Duration::from_millis(10),
            Duration::from_secs(5),
        );
    }
}
