//! Section `nats`: the connection to the server, or the embedded one.

use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use super::{Problems, checks::scheme_of, parse, redact};

/// How to reach NATS and with which identity.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct NatsSettings {
    /// One address or several, separated by commas; none: a `nats-server` child process is started.
    /// A secret because a NATS address may carry a password or a token.
    #[serde(default, deserialize_with = "parse::secret", serialize_with = "redact::secret_urls")]
    pub url: Option<SecretString>,
    /// File with a user JWT and its nkey seed.
    pub creds_file: Option<PathBuf>,
    /// File with an nkey seed.
    pub nkey_file: Option<PathBuf>,
    /// User name; goes with `password`.
    pub user: Option<String>,
    /// Password of `user`.
    #[serde(default, deserialize_with = "parse::secret", serialize_with = "redact::secret")]
    pub password: Option<SecretString>,
    /// Transport security.
    pub tls: NatsTlsSettings,
    /// Prefix of reply subjects: an own one lets the server's permissions be narrow.
    pub inbox_prefix: String,
    /// Port of the embedded server; 0, or a port that is taken, lets the system choose one.
    pub embedded_port: u16,
    /// The `nats-server` program to embed; none: looked for on `PATH` and in `.tools/`.
    pub server_path: Option<PathBuf>,
}

/// TLS towards NATS.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct NatsTlsSettings {
    /// Certificate authority (PEM) that signed the server's certificate; none: the system's.
    pub ca: Option<PathBuf>,
    /// Client certificate (PEM); goes with `key`.
    pub cert: Option<PathBuf>,
    /// Private key (PEM) of `cert`.
    pub key: Option<PathBuf>,
    /// Refuse a connection without TLS.
    pub required: bool,
}

impl NatsSettings {
    pub(super) fn check(&self, problems: &mut Problems) {
        if let Some(urls) = &self.url {
            check_addresses(urls.expose_secret(), problems);
        }
        self.check_identity(problems);
        self.check_files(problems);
        if self.tls.cert.is_some() != self.tls.key.is_some() {
            problems.refuse(
                "nats.tls.cert",
                "nats.tls.cert and nats.tls.key go together: set both or none",
            );
        }
        let tokens = self.inbox_prefix.split('.');
        if tokens.clone().any(str::is_empty) || self.inbox_prefix.contains(['*', '>', ' ', '\t', '\r', '\n']) {
            problems.refuse(
                "nats.inbox_prefix",
                "must be a subject without wildcards or spaces, for instance \"_INBOX_auth\"",
            );
        }
    }

    fn check_identity(&self, problems: &mut Problems) {
        let ways: Vec<&str> = [
            ("nats.creds_file", self.creds_file.is_some()),
            ("nats.nkey_file", self.nkey_file.is_some()),
            ("nats.user", self.user.is_some()),
        ]
        .into_iter()
        .filter_map(|(key, set)| set.then_some(key))
        .collect();
        if let [first, _, ..] = ways.as_slice() {
            problems.refuse(first, format!("one identity only: {} are all set", ways.join(", ")));
        }
        if self.user.is_some() != self.password.is_some() {
            problems.refuse("nats.user", "nats.user and nats.password go together: set both or none");
        }
        if let (None, [first, ..]) = (&self.url, ways.as_slice()) {
            problems.refuse(first, "belongs to an external server: set nats.url (NATS_URL) too");
        }
    }

    /// A missing file would otherwise show as an endless reconnect.
    fn check_files(&self, problems: &mut Problems) {
        for (key, path) in [
            ("nats.creds_file", &self.creds_file),
            ("nats.nkey_file", &self.nkey_file),
            ("nats.tls.ca", &self.tls.ca),
            ("nats.tls.cert", &self.tls.cert),
            ("nats.tls.key", &self.tls.key),
            ("nats.server_path", &self.server_path),
        ] {
            if path.as_deref().is_some_and(|path| !Path::is_file(path)) {
                problems.refuse(key, "there is no such file, or it may not be read");
            }
        }
    }
}

/// The client takes `host:port` without a scheme as well.
fn check_addresses(urls: &str, problems: &mut Problems) {
    let fits = |address: &str| match scheme_of(address) {
        Some(scheme) if address.contains("://") => ["nats", "tls", "ws", "wss"].contains(&scheme),
        _ => !address.is_empty() && !address.contains('/'),
    };
    if !urls.split(',').all(|address| fits(address.trim())) {
        problems.refuse(
            "nats.url",
            "every address must start with nats://, tls://, ws:// or wss://, or be host:port; \
             leave it out to start an embedded nats-server",
        );
    }
}
