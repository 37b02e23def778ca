//! Signing keys: made when there is none, replaced before they grow old, forgotten when their last token is over.

use crate::actions::{Failure, Services};
use crate::domain::request_metadata::RequestMetadata;
use crate::domain::signing_key::SealedKey;
use crate::security::signing_keys::KeyLife;
use crate::security::{RotationPlan, SigningKey};

/// Does what the keys need now and loads those that other instances made. Run it at start and every minute.
///
/// # Errors
/// [`Failure`] of the database, or a key that another secret key has sealed.
pub async fn run(services: &Services) -> Result<(), Failure> {
    let mut rows = services.store.signing_keys().await?;
    if !plan(services, &rows).is_empty() {
        rows = rotate(services).await?;
    }
    let known = services.access.keys().lives();
    if known.len() != rows.len() || rows.iter().any(|row| known.iter().all(|key| key.kid != row.kid)) {
        let keys = rows
            .iter()
            .map(|row| SigningKey::open(row, &services.secret))
            .collect::<Result<Vec<_>, _>>()?;
        services.access.keys().replace(keys);
    }
    Ok(())
}

fn plan(services: &Services, rows: &[SealedKey]) -> RotationPlan {
    let lives: Vec<KeyLife> = rows.iter().map(life).collect();
    RotationPlan::at(&lives, services.clock.now(), &services.rotation)
}

/// Plans again under the table's lock, so that instances that start together make one key.
async fn rotate(services: &Services) -> Result<Vec<SealedKey>, Failure> {
    let request = RequestMetadata::default();
    let mut tx = services.store.begin(services.clock.now(), &request).await?;
    let rows = tx.lock_signing_keys().await?;
    let plan = plan(services, &rows);
    if let Some(new) = &plan.create {
        let key = SigningKey::generate(new, tx.now(), &*services.random)?;
        tracing::info!(kid = key.kid(), activates_at = %new.activates_at, "new signing key");
        tx.insert_signing_key(key.seal(&services.secret, &*services.random)?)
            .await?;
    }
    for kid in &plan.drop {
        tracing::info!(kid, "signing key expired");
        tx.delete_signing_key(kid).await?;
    }
    tx.commit().await?;
    Ok(services.store.signing_keys().await?)
}

fn life(row: &SealedKey) -> KeyLife {
    KeyLife {
        kid: row.kid.clone(),
        created_at: row.created_at,
        activates_at: row.activates_at,
        expires_at: row.expires_at,
    }
}
