//! Section `mail`: the mail server, and the content of emails.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::time::Duration;

use lettre::message::Mailbox;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use url::Host;

use crate::config::loader::{
    Problems,
    checks::{at_least, between, between_durations, http_url, label},
    parse, redact,
};

/// Transport security of the connection to the mail server.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MailTls {
    /// Required after the greeting (RFC 3207).
    Starttls,
    /// From the first byte (RFC 8314).
    Tls,
    /// No TLS.
    None,
}

/// Outgoing email.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct MailSettings {
    /// Host name of the mail server. `None`: emails are logged in development, and unavailable
    /// elsewhere.
    pub host: Option<String>,
    /// Port of the mail server. `None`: the standard port of `tls`.
    pub port: Option<u16>,
    /// Transport security.
    pub tls: MailTls,
    /// Certificate authority (PEM) that signed the server's certificate. `None`: the system's.
    pub ca: Option<PathBuf>,
    /// Name of the service in EHLO. `None`: the host of `http.public_url`, or the next best.
    pub ehlo_name: Option<String>,
    /// User name. Requires `password`.
    pub username: Option<String>,
    /// Password of `username`.
    #[serde(default, deserialize_with = "parse::secret", serialize_with = "redact::secret")]
    pub password: Option<SecretString>,
    /// File from which `password` was read.
    pub password_file: Option<PathBuf>,
    /// The sender, as `Name <address>` or an address.
    pub from: String,
    /// Name of the service in emails.
    pub product: String,
    /// Path below `http.public_url` of the page that verifies an address, or its URL elsewhere.
    pub verify_path: String,
    /// Path below `http.public_url` of the page that sets a new password, or its URL elsewhere.
    pub reset_path: String,
    /// Directory with templates that replace the built-in ones.
    pub templates: Option<PathBuf>,
    /// Lifetime of a one-time code.
    #[serde(with = "humantime_serde")]
    pub code_ttl: Duration,
    /// Maximum time of one delivery attempt.
    #[serde(with = "humantime_serde")]
    pub timeout: Duration,
    /// How long delivery is retried.
    #[serde(with = "humantime_serde")]
    pub retry_for: Duration,
    /// Maximum number of connections of this instance to the mail server.
    pub max_connections: u32,
}

impl MailSettings {
    /// The port to connect to.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(match self.tls {
            MailTls::Starttls => 587,
            MailTls::Tls => 465,
            MailTls::None => 25,
        })
    }

    pub(in crate::config) fn check(&self, problems: &mut Problems) {
        const MINUTE: Duration = Duration::from_secs(60);
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        if let Some(host) = &self.host {
            label(problems, "mail.host", host);
        }
        if self.port == Some(0) {
            at_least(problems, "mail.port", 0, 1);
        }
        self.check_login(problems);
        if self.ehlo_name.as_deref().is_some_and(|name| !is_ehlo_name(name)) {
            problems.refuse(
                "mail.ehlo_name",
                "must be a host name such as \"auth.example.com\", or an address in brackets: \"[192.0.2.1]\" or \
                 \"[IPv6:2001:db8::1]\"",
            );
        }
        self.check_sender(problems);
        if self.product.is_empty() || self.product.chars().any(char::is_control) {
            problems.refuse("mail.product", "must not be empty or contain control characters");
        }
        for (key, path) in [
            ("mail.verify_path", &self.verify_path),
            ("mail.reset_path", &self.reset_path),
        ] {
            if path.contains("://") {
                http_url(problems, key, path);
            } else if !path.starts_with('/') || !path.bytes().all(is_path_byte) {
                problems.refuse(
                    key,
                    "must be a path such as \"/account/reset\", or the URL of a page, without query and fragment",
                );
            }
        }
        between_durations(problems, "mail.code_ttl", self.code_ttl, MINUTE, DAY);
        between_durations(problems, "mail.timeout", self.timeout, Duration::from_secs(1), 5 * MINUTE);
        between_durations(problems, "mail.retry_for", self.retry_for, MINUTE, 7 * DAY);
        between(problems, "mail.max_connections", self.max_connections, 1, 64);
    }

    fn check_sender(&self, problems: &mut Problems) {
        match self.from.parse::<Mailbox>() {
            Ok(sender) if !sender.email.user().is_ascii() => {
                problems.refuse("mail.from", "must have ASCII characters before the @: few servers take others");
            }
            Ok(_) => {}
            Err(_) => problems.refuse("mail.from", "must be an address such as \"Watchword <no-reply@example.com>\""),
        }
    }

    fn check_login(&self, problems: &mut Problems) {
        if self.username.is_some() != self.password.is_some() {
            problems.refuse("mail.username", "requires mail.password and the other way round: set both or neither");
        }
        if self.host.is_none() && self.username.is_some() {
            problems.refuse("mail.host", "is required when mail.username is set");
        }
        let is_local = matches!(self.host.as_deref(), Some("localhost" | "127.0.0.1" | "::1"));
        if self.tls == MailTls::None && self.username.is_some() && !is_local {
            problems.refuse("mail.tls", "must be starttls or tls: the password would be sent unencrypted");
        }
    }
}

/// RFC 5321: a domain, in any script, or an address literal.
fn is_ehlo_name(name: &str) -> bool {
    match name.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']').is_some_and(|address| match address.strip_prefix("IPv6:") {
            Some(address) => address.parse::<Ipv6Addr>().is_ok(),
            None => address.parse::<Ipv4Addr>().is_ok(),
        }),
        None => matches!(Host::parse(name), Ok(Host::Domain(_))) && !name.contains('_'),
    }
}

/// RFC 3986 unreserved characters and the separator.
const fn is_path_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'.' | b'_' | b'~')
}
