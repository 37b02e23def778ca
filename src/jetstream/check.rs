//! What can be known about the settings without a server.

use super::{connection::connect, error::NatsError, stream::definition};
use crate::config::Settings;

/// Check the addresses, and the files of the identity and of TLS.
///
/// # Errors
///
/// [`NatsError`]
pub fn check(settings: &Settings) -> Result<(), NatsError> {
    definition::desired(&settings.stream)?;
    settings.nats.url.as_ref().map(connect::addresses).transpose()?;
    connect::options(&settings.nats)?;
    connect::check_tls(&settings.nats.tls)
}
