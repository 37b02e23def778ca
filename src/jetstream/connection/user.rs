//! Who the service is on NATS, for the log and for what an operator should check.

use std::fmt;

use percent_encoding::percent_decode_str;
use secrecy::SecretString;

use super::{connect::addresses, identity_file::IdentityFile};
use crate::config::NatsSettings;
use crate::jetstream::embedded;

/// The user on NATS, without what proves it.
#[derive(Clone, Debug)]
pub(crate) struct NatsUser {
    name: String,
    source: UserSource,
}

#[derive(Clone, Debug)]
enum UserSource {
    /// `nats.user` and `nats.password`.
    Settings,
    /// The part before the `@` in `nats.url`.
    Url,
    File(IdentityFile),
    /// The embedded server's own.
    Embedded,
    Missing,
}

impl NatsUser {
    pub(crate) fn of(settings: &NatsSettings) -> Self {
        if let Some(name) = &settings.user {
            return Self { name: name.clone(), source: UserSource::Settings };
        }
        if let Some(file) = IdentityFile::of(settings) {
            return Self { name: file.to_string(), source: UserSource::File(file) };
        }
        let Some(url) = &settings.url else {
            return Self {
                name: embedded::USER.to_owned(),
                source: UserSource::Embedded,
            };
        };
        match Login::of(url) {
            Login { name: Some(name), password: Some(_) } => Self { name, source: UserSource::Url },
            // A name without a password is a token, and a secret.
            Login { name: Some(_), password: None } => Self { name: "(token)".to_owned(), source: UserSource::Url },
            Login { name: None, .. } => Self { name: "(none)".to_owned(), source: UserSource::Missing },
        }
    }

    /// What an operator should check when no connection comes about for this reason.
    pub(super) fn remedy(&self, error: &str) -> String {
        let error = error.to_ascii_lowercase();
        let says = |parts: &[&str]| parts.iter().any(|part| error.contains(part));
        if says(&["authorization", "authentication", "signing nonce"]) {
            self.login_remedy()
        } else if says(&["tls", "certificate", "handshake"]) {
            "check nats.tls.ca, and that the certificate of the server has the host's name".to_owned()
        } else if says(&["maximum", "exceeded"]) {
            "check the limits of the account on the server".to_owned()
        } else if says(&["dns", "lookup"]) {
            "check the host's name in nats.url (NATS_URL)".to_owned()
        } else if says(&["expected info", "timed out"]) {
            "check that the port is that of clients; a server with handshake_first needs nats.tls.handshake_first"
                .to_owned()
        } else {
            "check that a nats-server runs there, and nats.url (NATS_URL)".to_owned()
        }
    }

    fn login_remedy(&self) -> String {
        match &self.source {
            UserSource::Settings => "check nats.user and nats.password".to_owned(),
            UserSource::Url => "check the user and the password in nats.url (NATS_URL)".to_owned(),
            UserSource::File(file) => match file.expired() {
                Some(since) => format!("{file} expired at {since}; replace the file, which is read at every attempt"),
                None => format!("check that the server knows the user of {file}"),
            },
            UserSource::Embedded => "another nats-server uses the port of the embedded one".to_owned(),
            UserSource::Missing => "the server wants a user: set nats.user and nats.password, nats.creds_file or \
                                   nats.nkey_file"
                .to_owned(),
        }
    }
}

impl fmt::Display for NatsUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// The part before the `@` of the first address, which the client itself ignores.
#[derive(Default)]
pub(super) struct Login {
    pub(super) name: Option<String>,
    pub(super) password: Option<String>,
}

impl Login {
    pub(super) fn of(url: &SecretString) -> Self {
        let first = addresses(url).ok().and_then(|addresses| addresses.into_iter().next());
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        first.map_or_else(Self::default, |address| Self {
            name: address.username().map(decoded),
            password: address.password().map(decoded),
        })
    }
}
