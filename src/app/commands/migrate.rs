//! Applying, reverting and listing migrations.

use crate::app::build::open_store;
use crate::app::{AppError, Seams};
use crate::config::Settings;
pub use crate::store::MigrationState as Migration;

/// Apply all pending migrations and return the state after it.
///
/// # Errors
/// [`AppError::Store`].
pub async fn migrate_up(settings: &Settings) -> Result<Vec<Migration>, AppError> {
    let store = open_store(settings, &Seams::default()).await?;
    store.migrate_up().await?;
    Ok(store.migration_status().await?)
}

/// Revert the last `steps` migrations with the data in their tables, and return the state after it.
///
/// # Errors
/// [`AppError::Store`].
pub async fn migrate_down(settings: &Settings, steps: u32) -> Result<Vec<Migration>, AppError> {
    let store = open_store(settings, &Seams::default()).await?;
    store.migrate_down(steps).await?;
    Ok(store.migration_status().await?)
}

/// List the migrations and whether they are applied.
///
/// # Errors
/// [`AppError::Store`].
pub async fn migration_status(settings: &Settings) -> Result<Vec<Migration>, AppError> {
    let store = open_store(settings, &Seams::default()).await?;
    Ok(store.migration_status().await?)
}
