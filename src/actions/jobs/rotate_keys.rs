//! Rotates the signing keys: creates the first, replaces keys before they expire, deletes those
//! whose last token has expired.

use crate::actions::{Context, Failure};
use crate::domain::signing_key::SealedKey;
use crate::security::signing_keys::KeyLife;
use crate::security::{RotationPlan, SigningKey};

/// Rotate the keys if it is time, and load those that other instances created. Run it at start and
/// every minute.
///
/// # Errors
/// [`Failure`], also for a key that was encrypted with another secret key.
pub async fn run(cx: &Context) -> Result<(), Failure> {
    let mut rows = cx.services.store.signing_keys().await?;
    if !plan(cx, &rows).is_empty() {
        rows = rotate(cx).await?;
    }
    let known = cx.services.access.keys().lives();
    if known.len() != rows.len() || rows.iter().any(|row| known.iter().all(|key| key.kid != row.kid)) {
        let keys = rows
            .iter()
            .map(|row| SigningKey::open(row, &cx.services.secret))
            .collect::<Result<Vec<_>, _>>()?;
        cx.services.access.keys().replace(keys);
    }
    Ok(())
}

fn plan(cx: &Context, rows: &[SealedKey]) -> RotationPlan {
    let lives: Vec<KeyLife> = rows.iter().map(life).collect();
    RotationPlan::at(&lives, cx.now(), &cx.services.rotation)
}

/// Plan again under the lock of the table, so that instances that start together create one key.
async fn rotate(cx: &Context) -> Result<Vec<SealedKey>, Failure> {
    let mut tx = cx.begin_system().await?;
    let rows = tx.lock_signing_keys().await?;
    let plan = plan(cx, &rows);
    if let Some(new) = &plan.create {
        let key = SigningKey::generate(new, tx.now(), &*cx.services.random)?;
        tracing::info!(kid = key.kid(), activates_at = %new.activates_at, "new signing key");
        tx.insert_signing_key(key.seal(&cx.services.secret, &*cx.services.random)?).await?;
    }
    for kid in &plan.drop {
        tracing::info!(kid, "signing key expired");
        tx.delete_signing_key(kid).await?;
    }
    tx.commit().await?;
    Ok(cx.services.store.signing_keys().await?)
}

fn life(row: &SealedKey) -> KeyLife {
    KeyLife {
        kid: row.kid.clone(),
        created_at: row.created_at,
        activates_at: row.activates_at,
        expires_at: row.expires_at,
    }
}
