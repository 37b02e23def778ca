//! Outgoing mail: templates, the way to the mail server, and the worker that sends what actions have written.
//!
//! Every instance has a worker. A mail is claimed for a while, sent and then settled, so that it is delivered at least once; a
//! process that dies in between leads to a second copy with the same `Message-ID`.

mod compose;
mod schedule;
mod templates;
mod transport;
mod worker;

use std::path::PathBuf;

use crate::config::Settings;

pub use self::worker::{Clock, MailWorker, MailWorkerParts};

/// The environment in which mails are shown when there is no mail server.
const DEVELOPMENT: &str = "development";

/// Whether mails reach anybody: a mail server takes them, or a developer reads them.
#[must_use]
pub fn delivers(settings: &Settings) -> bool {
    settings.mail.host.is_some() || shows(settings)
}

/// Whether mails are shown instead of sent.
fn shows(settings: &Settings) -> bool {
    settings.mail.host.is_none() && settings.events.environment == DEVELOPMENT
}

/// Why mails can't be sent as configured.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// A file can't be read.
    #[error("cannot read {path} (mail.templates, mail.ca)")]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A template is not one.
    #[error("the mail template {name} cannot be used")]
    Template {
        /// Its file.
        name: String,
        /// What is wrong with it.
        source: minijinja::Error,
    },
    /// `mail.from` is no address.
    #[error("mail.from is not an address")]
    From(#[source] lettre::address::AddressError),
    /// The certificate authority, or the name of the mail server.
    #[error("mail.ca or mail.host cannot be used for TLS")]
    Tls(#[source] lettre::transport::smtp::Error),
}
