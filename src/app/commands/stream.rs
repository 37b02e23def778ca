//! The event stream, looked at and put in order by an operator.

use crate::app::AppError;
use crate::config::Settings;
use crate::jetstream::StreamAdmin;
pub use crate::jetstream::{Applied as Change, Drift as Field, StreamSummary as StreamReport};

/// Makes the stream, or changes it to what the definition says.
///
/// # Errors
/// [`AppError::Nats`].
pub async fn stream_apply(settings: &Settings) -> Result<Change, AppError> {
    Ok(StreamAdmin::connect(settings).await?.apply().await?)
}

/// What the stream is and holds.
///
/// # Errors
/// [`AppError::Nats`].
pub async fn stream_info(settings: &Settings) -> Result<StreamReport, AppError> {
    Ok(StreamAdmin::connect(settings).await?.info().await?)
}

/// Where the stream differs from the definition.
///
/// # Errors
/// [`AppError::Nats`].
pub async fn stream_diff(settings: &Settings) -> Result<Vec<Field>, AppError> {
    Ok(StreamAdmin::connect(settings).await?.diff().await?)
}
