//! What the generated documents of the event contract say about this deployment.

use watchword_contract::Deployment;

use super::AppError;
use crate::config::Settings;
use crate::jetstream;

/// The configured deployment.
///
/// # Errors
/// [`AppError::Nats`] if the embedded definition of the stream is not JSON.
pub(super) fn deployment(settings: &Settings) -> Result<Deployment, AppError> {
    Ok(Deployment {
        base_url: settings.http.base_url(),
        schema_base: super::build::schema_base_url(settings).to_owned(),
        service: settings.events.service.clone(),
        environment: settings.events.environment.clone(),
        source: settings.event_source(),
        stream: jetstream::document(&settings.stream)?,
    })
}
