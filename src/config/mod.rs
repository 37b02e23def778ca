//! Configuration: read once at start, validated as a whole, then passed on as plain values.
//!
//! Sources, each overriding the one before: the embedded [`DEFAULTS`], a TOML file, environment
//! variables `WATCHWORD__SECTION__KEY`, and the short names [`SHORT_NAMES`]. Unknown keys, invalid
//! values and parameters that are too weak to be safe prevent the start. All problems are reported
//! at once, each with the key's full name and its source. Secrets never appear in an error, in
//! `Debug` output or in [`Settings::redacted_toml`].

use std::{fmt, path::PathBuf, time::Duration};

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

mod accounts;
mod backends;
mod events;
mod http;
mod loader;
mod metrics;
mod security;
mod telemetry;

use loader::{Problems, parse, redact};

pub use self::{
    accounts::{AccountTypeSettings, AccountsSettings},
    backends::{
        DatabaseSettings, DatabaseUrl, MailSettings, MailTls, NatsSettings, NatsTlsSettings, PostgresUrl,
        RedisSettings, RootCertificates, SqliteFile, SslMode, StreamSettings, UrlProblem,
    },
    events::{EventsSettings, PiiMode},
    http::{ANY_ORIGIN, CorsSettings, HttpSettings, HttpTlsSettings},
    loader::{ConfigError, DEFAULTS, EnvFile, Problem, RefusedLine, SHORT_NAMES, docs},
    metrics::MetricsSettings,
    security::{
        CLIENT_HASH_PREFIX, LimitsSettings, MfaSettings, OauthClient, OauthSettings, PasswordsSettings, RequestRate,
        SecretKeyProblem, SessionsSettings, TokenAlgorithm, TokensSettings, decode_secret_key,
    },
    telemetry::{LogFormat, TelemetrySettings},
};

/// The whole configuration.
///
/// `Serialize` writes secrets as `***`: use it for display, not for storage.
#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Directory for everything that the service stores itself.
    pub data_dir: PathBuf,
    /// Master secret: base64 of at least 32 bytes. `None`: generated in `data_dir`.
    #[serde(default, deserialize_with = "parse::secret", serialize_with = "redact::secret")]
    pub secret_key: Option<SecretString>,
    /// File from which `secret_key` was read.
    pub secret_key_file: Option<PathBuf>,
    /// The public listener.
    pub http: HttpSettings,
    /// The metrics listener.
    pub metrics: MetricsSettings,
    /// The database that stores users, sessions and the ledger.
    pub database: DatabaseSettings,
    /// The denylist and the rate limits that all instances share.
    pub redis: RedisSettings,
    /// The connection to NATS.
    pub nats: NatsSettings,
    /// The JetStream stream.
    pub stream: StreamSettings,
    /// The content of events, and their retention.
    pub events: EventsSettings,
    /// The password policy and hashing.
    pub passwords: PasswordsSettings,
    /// Outgoing email.
    pub mail: MailSettings,
    /// Tokens and signing keys.
    pub tokens: TokensSettings,
    /// Sessions.
    pub sessions: SessionsSettings,
    /// Second factors.
    pub mfa: MfaSettings,
    /// Services that introspect and revoke tokens.
    pub oauth: OauthSettings,
    /// Account types, roles and erasure.
    pub accounts: AccountsSettings,
    /// Rate limits.
    pub limits: LimitsSettings,
    /// Logs.
    pub telemetry: TelemetrySettings,
    /// What the operator should know about the sources, such as variables that are not read.
    #[serde(skip)]
    pub warnings: Vec<String>,
}

impl Settings {
    /// Check every value and their combinations.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] with every problem found.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let mut problems = Problems::default();
        if self.data_dir.as_os_str().is_empty() {
            problems.refuse("data_dir", "must be a directory");
        }
        if let Some(secret) = &self.secret_key
            && let Err(problem) = decode_secret_key(secret)
        {
            problems.refuse("secret_key", format!("{problem}; create one with: openssl rand -base64 32"));
        }
        self.http.check(&mut problems);
        self.database.check(&mut problems);
        self.redis.check(&mut problems);
        self.nats.check(&mut problems);
        self.stream.check(&mut problems);
        self.events.check(&mut problems);
        self.passwords.check(&mut problems);
        self.mail.check(&mut problems);
        self.tokens.check(&mut problems);
        self.sessions.check(self.tokens.access_ttl, &mut problems);
        self.mfa.check(&mut problems);
        self.oauth.check(&mut problems);
        self.accounts.check(&mut problems);
        self.limits.check(&mut problems);
        self.telemetry.check(&mut problems);
        self.check_together(&mut problems);
        problems.into_result()
    }

    /// Check what involves several sections.
    fn check_together(&self, problems: &mut Problems) {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        if self.passwords.max_wait >= self.http.request_deadline {
            problems.refuse("passwords.max_wait", "must be shorter than http.request_deadline");
        }
        if self.database.acquire_timeout >= self.http.request_deadline {
            problems.refuse("database.acquire_timeout", "must be shorter than http.request_deadline");
        }
        // What the stream holds has to be in the ledger, by which it is recognized.
        let longest = self.stream.max_age.saturating_add(DAY);
        if self.events.retention >= DAY && self.events.retention < longest {
            problems.refuse("events.retention", "must be at least a day longer than stream.max_age");
        }
        let metrics = self.metrics.listen;
        if self.metrics.enabled
            && metrics.port() != 0
            && metrics.port() == self.http.port
            && (metrics.ip() == self.http.host || metrics.ip().is_unspecified() || self.http.host.is_unspecified())
        {
            problems.refuse("metrics.listen", "must not use the public listener's port: metrics are not public");
        }
    }

    /// Claim `iss` of access tokens: the URL below which clients find the metadata.
    #[must_use]
    pub fn issuer(&self) -> String {
        self.tokens.issuer.clone().unwrap_or_else(|| self.http.base_url())
    }

    /// The source of events: an absolute URI that tells this installation from others.
    #[must_use]
    pub fn event_source(&self) -> String {
        self.events.source.clone().unwrap_or_else(|| self.issuer())
    }

    /// The effective values as TOML, with secrets as `***`. Hosts and database names stay visible.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Print`] for a value without a TOML form, such as a path that is not UTF-8.
    pub fn redacted_toml(&self) -> Result<String, ConfigError> {
        toml::to_string(self).map_err(ConfigError::Print)
    }
}

impl fmt::Debug for Settings {
    /// The redacted values. A derived `Debug` would not hide the secret of a key that is added
    /// later.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.redacted_toml() {
            Ok(text) => write!(f, "Settings {{\n{text}}}"),
            Err(_) => f.write_str("Settings { .. }"),
        }
    }
}
