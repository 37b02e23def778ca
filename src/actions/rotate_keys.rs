//! Signing keys: made when there is none, replaced before they grow old, forgotten when their last token is over.

use super::{Auth, Failure};
use crate::domain::origin::Origin;
use crate::domain::signing_key::SealedKey;
use crate::security::signing_keys::KeyLife;
use crate::security::{RotationPlan, SigningKey};

/// Does what the keys need now and loads those that other instances made. Run it at start and every minute.
///
/// # Errors
/// [`Failure`] of the database, or a key that another secret key has sealed.
pub async fn run(auth: &Auth) -> Result<(), Failure> {
    let mut rows = auth.store.signing_keys().await?;
    if !plan(auth, &rows).is_empty() {
        rows = rotate(auth).await?;
    }
    let known = auth.access.keys().lives();
    if known.len() != rows.len() || rows.iter().any(|row| known.iter().all(|key| key.kid != row.kid)) {
        let keys = rows
            .iter()
            .map(|row| SigningKey::open(row, &auth.secret))
            .collect::<Result<Vec<_>, _>>()?;
        auth.access.keys().replace(keys);
    }
    Ok(())
}

fn plan(auth: &Auth, rows: &[SealedKey]) -> RotationPlan {
    let lives: Vec<KeyLife> = rows.iter().map(life).collect();
    RotationPlan::at(&lives, auth.clock.now(), &auth.rotation)
}

/// Plans again under the table's lock, so that instances that start together make one key.
async fn rotate(auth: &Auth) -> Result<Vec<SealedKey>, Failure> {
    let origin = Origin::default();
    let mut tx = auth.store.begin(auth.clock.now(), &origin).await?;
    let rows = tx.lock_signing_keys().await?;
    let plan = plan(auth, &rows);
    if let Some(new) = &plan.create {
        let key = SigningKey::generate(new, tx.now(), &*auth.random)?;
        tracing::info!(kid = key.kid(), activates_at = %new.activates_at, "new signing key");
        tx.insert_signing_key(key.seal(&auth.secret, &*auth.random)?).await?;
    }
    for kid in &plan.drop {
        tracing::info!(kid, "signing key expired");
        tx.delete_signing_key(kid).await?;
    }
    tx.commit().await?;
    Ok(auth.store.signing_keys().await?)
}

fn life(row: &SealedKey) -> KeyLife {
    KeyLife {
        kid: row.kid.clone(),
        created_at: row.created_at,
        activates_at: row.activates_at,
        expires_at: row.expires_at,
    }
}
