//! Mailed codes: kept as hashes, used once.

use sea_orm::{ConnectionTrait as _, Statement};
use time::OffsetDateTime;

use super::{Credentials, Store, StoreError, Tx, convert};
use crate::domain::ids::UserId;
use crate::domain::one_time_code::CodePurpose;

/// A code to store.
pub struct NewCode {
    /// Keyed hash of the code.
    pub hash: [u8; 32],
    /// What it is good for.
    pub purpose: CodePurpose,
    /// Whose it is; none when nobody has the address that was asked for.
    pub user: Option<UserId>,
    /// Keyed hash of the address and the password it was made for.
    pub binding: [u8; 32],
    /// From when on it is worth nothing.
    pub expires_at: OffsetDateTime,
}

/// A code that has not been used and is not too old.
pub struct StoredCode {
    /// Whose it is.
    pub owner: Credentials,
    /// What it was bound to.
    pub binding: Vec<u8>,
}

impl Store {
    /// The code with this hash and its owner's account, if it is good at `now`.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn live_code(
        &self,
        hash: [u8; 32],
        purpose: CodePurpose,
        now: OffsetDateTime,
    ) -> Result<Option<StoredCode>, StoreError> {
        let sql = "SELECT user_id, binding FROM one_time_codes \
                   WHERE hash = $1 AND purpose = $2 AND expires_at > $3 AND user_id IS NOT NULL";
        let values = [
            hash.to_vec().into(),
            purpose.as_str().into(),
            convert::millis(now).into(),
        ];
        let statement = Statement::from_sql_and_values(self.db().get_database_backend(), sql, values);
        let Some(row) = self.db().query_one_raw(statement).await? else {
            return Ok(None);
        };
        let (user, binding) = (row.try_get::<uuid::Uuid>("", "user_id")?, row.try_get("", "binding")?);
        let owner = self.credentials_by_id(user.into()).await?;
        Ok(owner.map(|owner| StoredCode { owner, binding }))
    }
}

impl Tx<'_> {
    /// Stores a code of a locked user, and voids the older one of the same purpose. For nobody it does the same work.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn put_code(&mut self, new: NewCode) -> Result<(), StoreError> {
        // Rows of nobody never conflict: null equals nothing.
        let insert = "INSERT INTO one_time_codes (hash, purpose, user_id, binding, created_at, expires_at) \
                      VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (user_id, purpose) DO UPDATE SET hash = excluded.hash, \
                      binding = excluded.binding, created_at = excluded.created_at, expires_at = excluded.expires_at";
        let values = [
            new.hash.to_vec().into(),
            new.purpose.as_str().into(),
            new.user.map(UserId::as_uuid).into(),
            new.binding.to_vec().into(),
            self.millis().into(),
            convert::millis(new.expires_at).into(),
        ];
        self.db.execute_raw(self.statement(insert, values)).await?;
        Ok(())
    }

    /// Uses up a code of a locked user and tells what it was bound to; `None` when it is used, too old or not theirs.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn take_code(
        &mut self,
        hash: [u8; 32],
        purpose: CodePurpose,
        user: UserId,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let sql = "DELETE FROM one_time_codes WHERE hash = $1 AND purpose = $2 AND user_id = $3 AND expires_at > $4 \
                   RETURNING binding";
        let values = [
            hash.to_vec().into(),
            purpose.as_str().into(),
            user.as_uuid().into(),
            self.millis().into(),
        ];
        let row = self.db.query_one_raw(self.statement(sql, values)).await?;
        Ok(row.map(|row| row.try_get("", "binding")).transpose()?)
    }
}
