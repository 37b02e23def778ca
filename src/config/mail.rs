//! Section `mail`: the mail server, and what mails say about the service.

use std::path::PathBuf;
use std::time::Duration;

use lettre::message::Mailbox;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::{
    Problems,
    checks::{at_least, between, between_durations, label},
    parse, redact,
};

/// How the connection to the mail server is protected.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MailTls {
    /// Asked for after the greeting (RFC 3207), and insisted on.
    Starttls,
    /// From the first byte (RFC 8314).
    Tls,
    /// Not at all.
    None,
}

/// Outgoing mail.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct MailSettings {
    /// The mail server; none: mails are shown in development, and impossible elsewhere.
    pub host: Option<String>,
    /// Its port; none: the usual one of `tls`.
    pub port: Option<u16>,
    /// How the connection is protected.
    pub tls: MailTls,
    /// Certificate authority (PEM) that signed the server's certificate; none: the system's.
    pub ca: Option<PathBuf>,
    /// User name; goes with `password`.
    pub username: Option<String>,
    /// Password of `username`.
    #[serde(default, deserialize_with = "parse::secret", serialize_with = "redact::secret")]
    pub password: Option<SecretString>,
    /// The sender, as `Name <address>` or an address.
    pub from: String,
    /// What mails call the service.
    pub product: String,
    /// Path below `http.public_url` of the page that confirms an address.
    pub verify_path: String,
    /// Path below `http.public_url` of the page that sets a new password.
    pub reset_path: String,
    /// Directory with templates that take the place of the embedded ones.
    pub templates: Option<PathBuf>,
    /// Life of a mailed code.
    #[serde(with = "humantime_serde")]
    pub code_ttl: Duration,
    /// Longest time for one try to deliver a mail.
    #[serde(with = "humantime_serde")]
    pub timeout: Duration,
    /// How long a mail is tried before it is given up.
    #[serde(with = "humantime_serde")]
    pub retry_for: Duration,
    /// Most connections to the mail server.
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

    pub(super) fn check(&self, problems: &mut Problems) {
        const MINUTE: Duration = Duration::from_secs(60);
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        if let Some(host) = &self.host {
            label(problems, "mail.host", host);
        }
        if self.port == Some(0) {
            at_least(problems, "mail.port", 0, 1);
        }
        self.check_login(problems);
        if self.from.parse::<Mailbox>().is_err() {
            problems.refuse(
                "mail.from",
                "must be an address such as \"Watchword <no-reply@example.com>\"",
            );
        }
        if self.product.is_empty() || self.product.chars().any(char::is_control) {
            problems.refuse("mail.product", "must be a name without control characters");
        }
        for (key, path) in [
            ("mail.verify_path", &self.verify_path),
            ("mail.reset_path", &self.reset_path),
        ] {
            if !path.starts_with('/') || !path.bytes().all(is_path_byte) {
                problems.refuse(
                    key,
                    "must be a path such as \"/account/reset\", without query and fragment",
                );
            }
        }
        between_durations(problems, "mail.code_ttl", self.code_ttl, MINUTE, DAY);
        between_durations(
            problems,
            "mail.timeout",
            self.timeout,
            Duration::from_secs(1),
            5 * MINUTE,
        );
        between_durations(problems, "mail.retry_for", self.retry_for, MINUTE, 7 * DAY);
        between(problems, "mail.max_connections", self.max_connections, 1, 64);
    }

    fn check_login(&self, problems: &mut Problems) {
        if self.username.is_some() != self.password.is_some() {
            problems.refuse(
                "mail.username",
                "mail.username and mail.password go together: set both or none",
            );
        }
        if self.host.is_none() && self.username.is_some() {
            problems.refuse("mail.host", "is missing, and mail.username is set");
        }
        let is_here = matches!(self.host.as_deref(), Some("localhost" | "127.0.0.1" | "::1"));
        if self.tls == MailTls::None && self.username.is_some() && !is_here {
            problems.refuse(
                "mail.tls",
                "a password must not cross a network in the clear: use starttls or tls",
            );
        }
    }
}

/// RFC 3986 unreserved characters and the separator.
const fn is_path_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'.' | b'_' | b'~')
}
