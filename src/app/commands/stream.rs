//! The event stream, for operators.

use crate::app::AppError;
use crate::config::Settings;
use crate::jetstream::StreamAdmin;
pub use crate::jetstream::{Applied as Change, Drift as Field, StreamSummary as StreamReport};

/// Create the stream, or change it to the definition.
///
/// # Errors
/// [`AppError::Nats`].
pub async fn stream_apply(settings: &Settings) -> Result<Change, AppError> {
    Ok(StreamAdmin::connect(settings).await?.apply().await?)
}

/// Return the configuration and the state of the stream.
///
/// # Errors
/// [`AppError::Nats`].
pub async fn stream_info(settings: &Settings) -> Result<StreamReport, AppError> {
    Ok(StreamAdmin::connect(settings).await?.info().await?)
}

/// Return the fields in which the stream differs from the definition.
///
/// # Errors
/// [`AppError::Nats`].
pub async fn stream_diff(settings: &Settings) -> Result<Vec<Field>, AppError> {
    Ok(StreamAdmin::connect(settings).await?.diff().await?)
}
