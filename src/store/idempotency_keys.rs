//! What was made by requests that may be repeated.

use sea_orm::ConnectionTrait as _;
use time::OffsetDateTime;
use uuid::Uuid;

use super::error::Conflict;
use super::{Store, StoreError, Tx, convert};

/// A request that was carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompletedRequest {
    /// Keyed hash of what was asked.
    pub request: Vec<u8>,
    /// What was made.
    pub made: Uuid,
}

/// A request that is being carried out.
#[derive(Debug, Clone, Copy)]
pub struct NewKey<'a> {
    /// Keyed hash of the operation, the caller and the key.
    pub key: &'a [u8; 32],
    /// Keyed hash of what is asked.
    pub request: &'a [u8; 32],
    /// What it makes.
    pub made: Uuid,
    /// Until when it is remembered.
    pub expires_at: OffsetDateTime,
}

impl Store {
    /// The request under this key that was carried out and is still remembered.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn completed_request(
        &self,
        key: &[u8; 32],
        now: OffsetDateTime,
    ) -> Result<Option<CompletedRequest>, StoreError> {
        let sql = "SELECT request, made FROM idempotency_keys WHERE key = $1 AND expires_at > $2";
        let values = [key.to_vec().into(), convert::millis(now).into()];
        let statement = sea_orm::Statement::from_sql_and_values(self.db().get_database_backend(), sql, values);
        let Some(row) = self.db().query_one_raw(statement).await? else {
            return Ok(None);
        };
        Ok(Some(CompletedRequest {
            request: row.try_get("", "request")?,
            made: row.try_get("", "made")?,
        }))
    }
}

impl Tx<'_> {
    /// Remembers that this transaction carries a request out. Another one with the same key waits here until this one has ended.
    ///
    /// # Errors
    /// [`Conflict::IdempotencyKey`] when it was carried out before, else [`StoreError`] of the database.
    pub async fn claim_key(&mut self, new: NewKey<'_>) -> Result<(), StoreError> {
        let sql = "INSERT INTO idempotency_keys (key, request, made, expires_at) VALUES ($1, $2, $3, $4) \
                   ON CONFLICT (key) DO UPDATE \
                   SET request = excluded.request, made = excluded.made, expires_at = excluded.expires_at \
                   WHERE idempotency_keys.expires_at <= $5";
        let values = [
            new.key.to_vec().into(),
            new.request.to_vec().into(),
            new.made.into(),
            convert::millis(new.expires_at).into(),
            self.millis().into(),
        ];
        let written = self.db.execute_raw(self.statement(sql, values)).await?.rows_affected();
        if written == 0 {
            return Err(StoreError::Conflict(Conflict::IdempotencyKey));
        }
        Ok(())
    }
}
