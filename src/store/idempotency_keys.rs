//! Idempotency keys, and the resources that their requests created.

use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::error::Conflict;
use super::transaction::Core;
use super::{Store, StoreError, Tx, UserTx, convert, sql};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompletedRequest {
    /// Keyed hash of the request's content.
    pub fingerprint: Vec<u8>,
    /// What the request created.
    pub resource_id: Uuid,
}

/// An in-flight request with its idempotency key.
#[derive(Debug, Clone, Copy)]
pub struct NewIdempotencyKey<'a> {
    /// Keyed hash of the operation, the caller and the key.
    pub key: &'a [u8; 32],
    /// Keyed hash of the request's content.
    pub fingerprint: &'a [u8; 32],
    /// What the request creates.
    pub resource_id: Uuid,
    pub ttl: Duration,
}

impl Store {
    /// The completed request with this key, unless the key has expired.
    pub async fn completed_request(
        &self,
        key: &[u8; 32],
        now: OffsetDateTime,
    ) -> Result<Option<CompletedRequest>, StoreError> {
        let completed = "SELECT request, made FROM idempotency_keys WHERE key = $1 AND expires_at > $2";
        let values = [key.to_vec().into(), convert::millis(now).into()];
        let Some(row) = sql::fetch_one(self.db(), completed, values).await? else {
            return Ok(None);
        };
        Ok(Some(CompletedRequest {
            fingerprint: row.get("request")?,
            resource_id: row.get("made")?,
        }))
    }
}

/// Transactions that can claim an idempotency key. Not every request locks a user first.
pub trait ClaimKey {
    /// Claim a key for this transaction's request. Another transaction with the same key waits here
    /// until this one ends.
    ///
    /// # Errors
    /// [`Conflict::IdempotencyKey`] when the request was completed before.
    fn claim_key(&mut self, new: NewIdempotencyKey<'_>) -> impl Future<Output = Result<(), StoreError>> + Send;
}

impl ClaimKey for Tx<'_> {
    async fn claim_key(&mut self, new: NewIdempotencyKey<'_>) -> Result<(), StoreError> {
        claim(&self.core, new).await
    }
}

impl ClaimKey for UserTx<'_> {
    async fn claim_key(&mut self, new: NewIdempotencyKey<'_>) -> Result<(), StoreError> {
        claim(&self.core, new).await
    }
}

async fn claim(core: &Core<'_>, new: NewIdempotencyKey<'_>) -> Result<(), StoreError> {
    let claim = "INSERT INTO idempotency_keys (key, request, made, expires_at) VALUES ($1, $2, $3, $4) \
               ON CONFLICT (key) DO UPDATE \
               SET request = excluded.request, made = excluded.made, expires_at = excluded.expires_at \
               WHERE idempotency_keys.expires_at <= $5";
    let values = [
        new.key.to_vec().into(),
        new.fingerprint.to_vec().into(),
        new.resource_id.into(),
        convert::millis(core.now() + new.ttl).into(),
        core.millis().into(),
    ];
    if sql::execute(&core.db, claim, values).await? == 0 {
        return Err(StoreError::Conflict(Conflict::IdempotencyKey));
    }
    Ok(())
}
