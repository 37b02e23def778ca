//! Inspecting and updating the event stream.

use crate::app::AppError;
use crate::config::Settings;
use crate::jetstream::StreamAdmin;
pub use crate::jetstream::{Applied as Change, Drift as Field, StreamSummary as StreamReport};

/// Create the stream, or update it to its definition.
///
/// # Errors
/// [`AppError::Nats`].
pub async fn stream_apply(settings: &Settings) -> Result<Change, AppError> {
    Ok(StreamAdmin::connect(settings).await?.apply().await?)
}

/// Read the stream's state and configuration.
///
/// # Errors
/// [`AppError::Nats`].
pub async fn stream_info(settings: &Settings) -> Result<StreamReport, AppError> {
    Ok(StreamAdmin::connect(settings).await?.info().await?)
}

/// Compare the stream with its definition.
///
/// # Errors
/// [`AppError::Nats`].
pub async fn stream_diff(settings: &Settings) -> Result<Vec<Field>, AppError> {
    Ok(StreamAdmin::connect(settings).await?.diff().await?)
}
