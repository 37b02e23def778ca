//! Section `database`: where users, sessions and the ledger are stored.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use super::database_url::{DatabaseUrl, UrlProblem};
use crate::config::loader::{
    Problems,
    checks::{between, between_durations},
    parse, redact,
};

/// The database that stores users, sessions and the ledger.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseSettings {
    /// `postgres://…` or `sqlite://…`. `None`: a SQLite file in `data_dir`.
    #[serde(default, deserialize_with = "parse::secret", serialize_with = "redact::secret_url")]
    pub url: Option<SecretString>,
    /// File from which `url` was read.
    pub url_file: Option<PathBuf>,
    /// Maximum number of connections of this instance.
    pub max_connections: u32,
    /// Maximum wait for a free connection before the request gets 503.
    #[serde(with = "humantime_serde")]
    pub acquire_timeout: Duration,
    /// Longest run of a statement, on PostgreSQL.
    #[serde(with = "humantime_serde")]
    pub statement_timeout: Duration,
    /// Longest wait for the migrations of another instance, on PostgreSQL.
    #[serde(with = "humantime_serde")]
    pub migration_lock_timeout: Duration,
}

impl DatabaseSettings {
    /// Parse `url`. `None`: a `SQLite` file in `data_dir`.
    ///
    /// # Errors
    /// [`UrlProblem`]
    pub fn address(&self) -> Result<Option<DatabaseUrl>, UrlProblem> {
        self.url.as_ref().map(|url| DatabaseUrl::parse(url.expose_secret())).transpose()
    }

    pub(in crate::config) fn check(&self, problems: &mut Problems) {
        if let Err(problem) = self.address().and_then(|url| url.map_or(Ok(()), |url| url.check_files())) {
            problems.refuse("database.url", problem.to_string());
        }
        between(problems, "database.max_connections", self.max_connections, 1, 1000);
        between_durations(
            problems,
            "database.acquire_timeout",
            self.acquire_timeout,
            Duration::from_millis(10),
            Duration::from_secs(60),
        );
        between_durations(
            problems,
            "database.statement_timeout",
            self.statement_timeout,
            Duration::from_secs(1),
            Duration::from_secs(60),
        );
        between_durations(
            problems,
            "database.migration_lock_timeout",
            self.migration_lock_timeout,
            Duration::from_secs(1),
            Duration::from_secs(24 * 3600),
        );
    }
}
