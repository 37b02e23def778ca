//! Applying, reverting and listing migrations.

use crate::app::build::open_store;
use crate::app::{AppError, Environment};
use crate::config::Settings;
pub use crate::store::MigrationState as Migration;

/// Apply the missing migrations, and return the state afterwards.
///
/// # Errors
/// [`AppError::Open`], [`AppError::Store`]
pub async fn migrate_up(settings: &Settings) -> Result<Vec<Migration>, AppError> {
    let store = open_store(settings, &Environment::default()).await?;
    store.migrate_up().await?;
    Ok(store.migration_status().await?)
}

/// Revert the last `steps` migrations and drop their data, and return the state afterwards.
///
/// # Errors
/// [`AppError::Open`], [`AppError::Store`]
pub async fn migrate_down(settings: &Settings, steps: u32) -> Result<Vec<Migration>, AppError> {
    let store = open_store(settings, &Environment::default()).await?;
    store.migrate_down(steps).await?;
    Ok(store.migration_status().await?)
}

/// Return which migrations are applied.
///
/// # Errors
/// [`AppError::Open`], [`AppError::Store`]
pub async fn migration_status(settings: &Settings) -> Result<Vec<Migration>, AppError> {
    let store = open_store(settings, &Environment::default()).await?;
    Ok(store.migration_status().await?)
}
