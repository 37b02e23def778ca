//! Section `database`.

use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use super::{
    Problems,
    checks::{between, between_durations, scheme_of},
    parse, redact,
};

/// Where state and ledger live.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseSettings {
    /// `postgres://…` or `sqlite://…`; none: a SQLite file in `data_dir`.
    #[serde(default, deserialize_with = "parse::secret", serialize_with = "redact::secret_url")]
    pub url: Option<SecretString>,
    /// Most connections this instance opens.
    pub max_connections: u32,
    /// Longest wait for a free connection before the request is answered with 503.
    #[serde(with = "humantime_serde")]
    pub acquire_timeout: Duration,
}

impl DatabaseSettings {
    pub(super) fn check(&self, problems: &mut Problems) {
        if let Some(url) = &self.url {
            let known = ["postgres", "postgresql", "sqlite"];
            if !scheme_of(url.expose_secret()).is_some_and(|scheme| known.contains(&scheme)) {
                problems.refuse(
                    "database.url",
                    "must start with postgres://, postgresql:// or sqlite:; leave it out for a SQLite file in data_dir",
                );
            }
        }
        between(problems, "database.max_connections", self.max_connections, 1, 1000);
        between_durations(
            problems,
            "database.acquire_timeout",
            self.acquire_timeout,
            Duration::from_millis(10),
            Duration::from_secs(60),
        );
    }
}
