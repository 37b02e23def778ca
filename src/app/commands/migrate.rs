//! Migrations by hand.

use crate::app::build::open_store;
use crate::app::{AppError, Environment};
use crate::config::Settings;
pub use crate::store::MigrationState as Migration;

/// Applies what the database lacks and returns the state after it.
///
/// # Errors
/// [`AppError::Store`].
pub async fn migrate_up(settings: &Settings) -> Result<Vec<Migration>, AppError> {
    let store = open_store(settings, &Environment::default()).await?;
    store.migrate_up().await?;
    Ok(store.migration_status().await?)
}

/// Undoes the last `steps` migrations, with the data in them, and returns the state after it.
///
/// # Errors
/// [`AppError::Store`].
pub async fn migrate_down(settings: &Settings, steps: u32) -> Result<Vec<Migration>, AppError> {
    let store = open_store(settings, &Environment::default()).await?;
    store.migrate_down(steps).await?;
    Ok(store.migration_status().await?)
}

/// Which migrations the database has.
///
/// # Errors
/// [`AppError::Store`].
pub async fn migration_status(settings: &Settings) -> Result<Vec<Migration>, AppError> {
    let store = open_store(settings, &Environment::default()).await?;
    Ok(store.migration_status().await?)
}
