//! Rotates the signing keys: creates the first, replaces keys before they expire and when another
//! algorithm is configured, deletes those whose last token has expired.

use crate::actions::{Context, Failure};
use crate::domain::signing_key::SealedKey;
use crate::security::signing_keys::{KeyLife, KeyPair};
use crate::security::{RotationPlan, SigningKey, SigningKeyError};

/// Rotate the keys if it is time, and load those that other instances created. Run it at start and
/// every minute.
///
/// # Errors
/// [`Failure`], also for a key that was encrypted with another secret key.
pub async fn run(cx: &Context) -> Result<(), Failure> {
    let mut rows = cx.services.store.signing_keys().await?;
    let plan = plan(cx, &rows);
    if !plan.is_empty() {
        let pair = match plan.create {
            Some(_) => Some(generate(cx).await?),
            None => None,
        };
        rows = rotate(cx, pair).await?;
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

/// Generate a key pair before anything is locked, and where it blocks no request: RSA takes a few
/// hundred milliseconds.
async fn generate(cx: &Context) -> Result<KeyPair, SigningKeyError> {
    let (algorithm, random) = (cx.services.rotation.algorithm(), cx.services.random.clone());
    let generated = tokio::task::spawn_blocking(move || KeyPair::generate(algorithm, &*random)).await;
    generated.ok().flatten().ok_or(SigningKeyError::Generate(algorithm))
}

/// Plan again under the lock of the table, so that instances that start together create one key;
/// the pairs of the others are dropped.
async fn rotate(cx: &Context, pair: Option<KeyPair>) -> Result<Vec<SealedKey>, Failure> {
    let mut tx = cx.begin_system().await?;
    let rows = tx.lock_signing_keys().await?;
    let plan = plan(cx, &rows);
    if let (Some(new), Some(pair)) = (&plan.create, pair) {
        let key = SigningKey::new(pair, new, tx.now());
        tracing::info!(kid = key.kid(), algorithm = %key.algorithm(), activates_at = %new.activates_at, "new signing key");
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
        algorithm: row.algorithm,
        created_at: row.created_at,
        activates_at: row.activates_at,
        expires_at: row.expires_at,
    }
}
