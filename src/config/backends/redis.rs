//! Section `redis`: the denylist and the rate limits that all instances share.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use crate::config::loader::{
    Problems,
    checks::{between_durations, scheme_of},
    parse, redact,
};

/// The connection to Redis.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RedisSettings {
    /// `redis://…` or `rediss://…`. `None`: denylist and limits are kept in this process.
    #[serde(default, deserialize_with = "parse::secret", serialize_with = "redact::secret_url")]
    pub url: Option<SecretString>,
    /// File from which `url` was read.
    pub url_file: Option<PathBuf>,
    /// Maximum wait for one command.
    #[serde(with = "humantime_serde")]
    pub timeout: Duration,
}

impl RedisSettings {
    pub(in crate::config) fn check(&self, problems: &mut Problems) {
        if let Some(url) = &self.url {
            let schemes = [
                "redis",
                "rediss",
                "valkey",
                "valkeys",
                "unix",
                "redis+unix",
                "valkey+unix",
            ];
            if !scheme_of(url.expose_secret()).is_some_and(|scheme| schemes.contains(&scheme)) {
                problems.refuse(
                    "redis.url",
                    "must start with redis://, rediss:// or redis+unix://; omit it to run without Redis",
                );
            }
        }
        between_durations(problems, "redis.timeout", self.timeout, Duration::from_millis(10), Duration::from_secs(5));
    }
}
