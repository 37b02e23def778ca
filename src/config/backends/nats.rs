//! Section `nats`: the connection to NATS, and the embedded server.

use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use crate::config::loader::{Problems, checks::scheme_of, parse, redact};

/// The servers, the identity and the embedded server.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct NatsSettings {
    /// URLs of servers, separated by commas. `None`: the service starts a `nats-server` child
    /// process. A secret, because a URL can contain a password or a token.
    #[serde(default, deserialize_with = "parse::secret", serialize_with = "redact::secret_urls")]
    pub url: Option<SecretString>,
    /// File from which `url` was read.
    pub url_file: Option<PathBuf>,
    /// File with a user JWT and its nkey seed.
    pub creds_file: Option<PathBuf>,
    /// File with an nkey seed.
    pub nkey_file: Option<PathBuf>,
    /// User name. Requires `password`.
    pub user: Option<String>,
    /// Password of `user`.
    #[serde(default, deserialize_with = "parse::secret", serialize_with = "redact::secret")]
    pub password: Option<SecretString>,
    /// File from which `password` was read.
    pub password_file: Option<PathBuf>,
    /// TLS for the connection.
    pub tls: NatsTlsSettings,
    /// JetStream domain of the servers that have the stream. `None`: those to which it connects.
    pub domain: Option<String>,
    /// Prefix of the reply subjects. Permissions on the server can be restricted to it.
    pub inbox_prefix: String,
    /// Port of the embedded server. When it is 0 or in use, the system chooses one.
    pub embedded_port: u16,
    /// Path of the `nats-server` program. `None`: the first one on `PATH` or in `.tools/`.
    pub server_path: Option<PathBuf>,
}

/// TLS for the connection to NATS.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct NatsTlsSettings {
    /// Certificate authority (PEM) that signed the server's certificate. `None`: the system's.
    pub ca: Option<PathBuf>,
    /// Client certificate (PEM). Requires `key`.
    pub cert: Option<PathBuf>,
    /// Private key (PEM) of `cert`.
    pub key: Option<PathBuf>,
    /// Refuse connections without TLS.
    pub required: bool,
    /// Begin with TLS, before the server's greeting.
    pub handshake_first: bool,
}

impl NatsSettings {
    pub(in crate::config) fn check(&self, problems: &mut Problems) {
        if let Some(urls) = &self.url {
            check_urls(urls.expose_secret(), problems);
        }
        self.check_identity(problems);
        self.check_files(problems);
        if self.tls.cert.is_some() != self.tls.key.is_some() {
            problems.refuse("nats.tls.cert", "requires nats.tls.key and the other way round: set both or neither");
        }
        let is_domain = |name: &str| !name.is_empty() && !name.contains(['.', '*', '>', ' ', '\t', '\r', '\n']);
        if self.domain.as_deref().is_some_and(|name| !is_domain(name)) {
            problems.refuse("nats.domain", "must be the name of a JetStream domain, without '.', wildcards and spaces");
        }
        let tokens = self.inbox_prefix.split('.');
        if tokens.clone().any(str::is_empty) || self.inbox_prefix.contains(['*', '>', ' ', '\t', '\r', '\n']) {
            problems.refuse(
                "nats.inbox_prefix",
                "must be a subject without wildcards and spaces, for example \"_INBOX_auth\"",
            );
        }
    }

    fn check_identity(&self, problems: &mut Problems) {
        let identities: Vec<&str> = [
            ("nats.creds_file", self.creds_file.is_some()),
            ("nats.nkey_file", self.nkey_file.is_some()),
            ("nats.user", self.user.is_some()),
        ]
        .into_iter()
        .filter_map(|(key, set)| set.then_some(key))
        .collect();
        if let [first, _, ..] = identities.as_slice() {
            problems.refuse(first, format!("only one identity can be used; {} are set", identities.join(", ")));
        }
        if self.user.is_some() != self.password.is_some() {
            problems.refuse("nats.user", "requires nats.password and the other way round: set both or neither");
        }
        if let (None, [first, ..]) = (&self.url, identities.as_slice()) {
            problems.refuse(first, "applies to an external server only; set nats.url (NATS_URL) too");
        }
    }

    /// Without this check, a missing file would cause reconnects without end.
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
                problems.refuse(key, "no such file, or the service may not read it");
            }
        }
    }
}

/// The client also accepts `host:port` without a scheme.
fn check_urls(urls: &str, problems: &mut Problems) {
    let is_valid = |url: &str| match scheme_of(url) {
        Some(scheme) if url.contains("://") => ["nats", "tls"].contains(&scheme),
        _ => !url.is_empty() && !url.contains('/'),
    };
    if !urls.split(',').all(|url| is_valid(url.trim())) {
        problems.refuse(
            "nats.url",
            "every URL must start with nats:// or tls://, or be host:port (WebSockets are not supported); \
             omit it to start an embedded nats-server",
        );
    }
}
