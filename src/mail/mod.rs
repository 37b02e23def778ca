//! Outgoing email: templates, the transport, and the worker that delivers what actions have
//! enqueued.
//!
//! Every instance has a worker. It claims an email for a limited time, sends it and settles it, so
//! that every email is delivered at least once; a process that dies in between leads to a second
//! copy with the same `Message-ID`.

mod address;
mod compose;
mod schedule;
mod smtp;
mod templates;
mod worker;

use std::path::PathBuf;

use self::compose::Composer;
use self::smtp::Smtp;
use crate::config::Settings;

pub use self::templates::TemplateError;
pub use self::worker::{MailWorker, MailWorkerParts};

/// The environment in which emails are logged when there is no mail server.
const DEVELOPMENT: &str = "development";

/// Whether emails reach their recipients, or at least the log of a developer.
#[must_use]
pub fn delivers(settings: &Settings) -> bool {
    settings.mail.host.is_some() || logs_emails(settings)
}

/// Whether emails are logged instead of sent.
fn logs_emails(settings: &Settings) -> bool {
    settings.mail.host.is_none() && settings.events.environment == DEVELOPMENT
}

/// Check what can be known without the mail server: templates, the sender, the certificate
/// authority.
///
/// # Errors
/// [`MailError`]
pub fn check(settings: &Settings) -> Result<(), MailError> {
    Composer::new(settings)?;
    if let Some(host) = &settings.mail.host {
        Smtp::new(settings, host)?;
    }
    Ok(())
}

/// Connect to the mail server and log in.
///
/// # Errors
/// [`MailError`]
pub async fn check_connection(settings: &Settings) -> Result<(), MailError> {
    match &settings.mail.host {
        Some(host) => Smtp::new(settings, host)?.check().await,
        None => Ok(()),
    }
}

/// Why emails cannot be sent as configured: the service does not start.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    #[error("cannot read {path} (mail.templates, mail.ca)")]
    File { path: PathBuf, source: std::io::Error },
    #[error(transparent)]
    Template(#[from] TemplateError),
    #[error("mail.from is not an address")]
    From(#[source] lettre::address::AddressError),
    /// The certificate authority or the name of the mail server is not valid.
    #[error("mail.ca or mail.host cannot be used for TLS")]
    Tls(#[source] lettre::transport::smtp::Error),
    #[error("the mail server cannot be used")]
    Server(#[source] lettre::transport::smtp::Error),
    #[error("connections to the mail server cannot be kept")]
    Pool(#[source] deadpool::managed::BuildError),
}
