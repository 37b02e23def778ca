//! Configuration: read once at start, checked whole, then passed along as plain values.
//!
//! Sources, each winning over the one before: the embedded [`DEFAULTS`], a TOML file, environment
//! variables `WATCHWORD__SECTION__KEY`, and the short names [`SHORT_NAMES`]. A key nobody knows, a value
//! that cannot work and a parameter too weak to be safe refuse the start; all problems are reported at
//! once, each with the key's full name and the source it came from. Secrets never appear in an error,
//! in `Debug` output or in [`Settings::redacted_toml`].

use std::{fmt, path::PathBuf};

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

mod checks;
mod database;
pub mod docs;
mod env;
mod error;
mod events;
mod http;
mod keys;
mod limits;
mod load;
mod mail;
mod metrics;
mod mfa;
mod nats;
mod parse;
mod passwords;
mod redact;
mod redis;
mod secret_key;
mod sessions;
mod stream;
mod telemetry;
mod tokens;

use error::Problems;

pub use self::{
    database::DatabaseSettings,
    env::SHORT_NAMES,
    error::{ConfigError, Problem},
    events::{EventsSettings, PiiMode},
    http::HttpSettings,
    keys::DEFAULTS,
    limits::LimitsSettings,
    mail::{MailSettings, MailTls},
    metrics::MetricsSettings,
    mfa::MfaSettings,
    nats::{NatsSettings, NatsTlsSettings},
    passwords::PasswordsSettings,
    redis::RedisSettings,
    secret_key::{SecretKeyProblem, decode_secret_key},
    sessions::SessionsSettings,
    stream::StreamSettings,
    telemetry::{LogFormat, TelemetrySettings},
    tokens::TokensSettings,
};

/// The whole configuration.
///
/// `Serialize` writes secrets as `***`: it serves display, not storage.
#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Directory of everything the service keeps itself.
    pub data_dir: PathBuf,
    /// Master secret, base64 of at least 32 bytes; none: generated into `data_dir`.
    #[serde(default, deserialize_with = "parse::secret", serialize_with = "redact::secret")]
    pub secret_key: Option<SecretString>,
    /// The public listener.
    pub http: HttpSettings,
    /// The metrics listener.
    pub metrics: MetricsSettings,
    /// State and ledger.
    pub database: DatabaseSettings,
    /// Denylist and limits shared by instances.
    pub redis: RedisSettings,
    /// The event broker.
    pub nats: NatsSettings,
    /// The stream events go to.
    pub stream: StreamSettings,
    /// What events carry and how long they are kept.
    pub events: EventsSettings,
    /// Password policy and hashing.
    pub passwords: PasswordsSettings,
    /// Outgoing mail.
    pub mail: MailSettings,
    /// Tokens and signing keys.
    pub tokens: TokensSettings,
    /// Sessions.
    pub sessions: SessionsSettings,
    /// Second factors.
    pub mfa: MfaSettings,
    /// Rate limits.
    pub limits: LimitsSettings,
    /// Logs.
    pub telemetry: TelemetrySettings,
}

impl Settings {
    /// Checks every value and their combinations.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] with every problem found.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let mut problems = Problems::default();
        if self.data_dir.as_os_str().is_empty() {
            problems.refuse("data_dir", "must name a directory");
        }
        if let Some(secret) = &self.secret_key
            && let Err(problem) = decode_secret_key(secret)
        {
            problems.refuse(
                "secret_key",
                format!("{problem}; make one with: openssl rand -base64 32"),
            );
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
        self.limits.check(&mut problems);
        self.telemetry.check(&mut problems);
        self.check_together(&mut problems);
        problems.into_result()
    }

    /// What no section can see alone.
    fn check_together(&self, problems: &mut Problems) {
        if self.passwords.max_wait >= self.http.request_deadline {
            problems.refuse("passwords.max_wait", "must be shorter than http.request_deadline");
        }
        if self.database.acquire_timeout >= self.http.request_deadline {
            problems.refuse("database.acquire_timeout", "must be shorter than http.request_deadline");
        }
        let metrics = self.metrics.listen;
        if self.metrics.enabled
            && metrics.port() != 0
            && metrics.port() == self.http.port
            && (metrics.ip() == self.http.host || metrics.ip().is_unspecified() || self.http.host.is_unspecified())
        {
            problems.refuse(
                "metrics.listen",
                "must not be the public listener's port; metrics are not public",
            );
        }
    }

    /// Where the service serves the events' JSON Schemas, without `/schemas/…` and without a slash at the end.
    #[must_use]
    pub fn schema_base_url(&self) -> String {
        let given = self.events.schema_base_url.as_ref();
        given.map_or_else(|| self.http.base_url(), |url| url.trim_end_matches('/').to_owned())
    }

    /// The effective values as TOML, secrets as `***`; hosts and names of databases stay visible.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Print`] when a value has no TOML form (a path that is not UTF-8).
    pub fn redacted_toml(&self) -> Result<String, ConfigError> {
        toml::to_string(self).map_err(ConfigError::Print)
    }
}

impl fmt::Debug for Settings {
    /// The redacted values: a derived `Debug` would hide the secrets too, but not those a later key adds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.redacted_toml() {
            Ok(text) => write!(f, "Settings {{\n{text}}}"),
            Err(_) => f.write_str("Settings { .. }"),
        }
    }
}
