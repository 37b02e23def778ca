//! One-time codes, stored as keyed hashes.

use time::OffsetDateTime;

use super::{AnyTx, Credentials, Store, StoreError, UserTx, convert, sql};
use crate::domain::ids::UserId;
use crate::domain::one_time_code::CodePurpose;

pub struct NewCode {
    /// Keyed hash of the code.
    pub hash: [u8; 32],
    pub purpose: CodePurpose,
    /// None when no account has the requested address.
    pub user: Option<UserId>,
    /// Keyed hash of the address and the password at the time of the request.
    pub binding: [u8; 32],
    pub expires_at: OffsetDateTime,
}

/// A code that is neither consumed nor expired.
pub struct StoredCode {
    pub owner: Credentials,
    /// Keyed hash of the address and the password at the time of the request.
    pub binding: Vec<u8>,
}

impl Store {
    /// The code with this hash and its owner, if it is live at `now`.
    pub async fn live_code(
        &self,
        hash: [u8; 32],
        purpose: CodePurpose,
        now: OffsetDateTime,
    ) -> Result<Option<StoredCode>, StoreError> {
        let live = "SELECT user_id, binding FROM one_time_codes \
                   WHERE hash = $1 AND purpose = $2 AND expires_at > $3 AND user_id IS NOT NULL";
        let values = [
            hash.to_vec().into(),
            purpose.as_str().into(),
            convert::millis(now).into(),
        ];
        let Some(row) = sql::fetch_one(self.db(), live, values).await? else {
            return Ok(None);
        };
        let (user, binding) = (row.get::<uuid::Uuid>("user_id")?, row.get("binding")?);
        let owner = self.credentials_by_id(user.into()).await?;
        Ok(owner.map(|owner| StoredCode { owner, binding }))
    }
}

impl AnyTx<'_> {
    /// Store a code of the locked user in place of an older one of the same purpose. Without a user
    /// the cost is the same.
    pub async fn replace_code(&mut self, new: NewCode) -> Result<(), StoreError> {
        // Rows without a user never conflict: NULL equals nothing.
        let insert = "INSERT INTO one_time_codes (hash, purpose, user_id, binding, created_at, expires_at) \
                      VALUES ($1, $2, $3, $4, $5, $6) \
                      ON CONFLICT (user_id, purpose) DO UPDATE SET hash = excluded.hash, \
                      binding = excluded.binding, created_at = excluded.created_at, expires_at = excluded.expires_at";
        let values = [
            new.hash.to_vec().into(),
            new.purpose.as_str().into(),
            new.user.map(UserId::as_uuid).into(),
            new.binding.to_vec().into(),
            self.core.millis().into(),
            convert::millis(new.expires_at).into(),
        ];
        sql::execute(&self.core.db, insert, values).await?;
        Ok(())
    }
}

impl UserTx<'_> {
    /// Redeem a code of the user, and return its binding; `None` when the user has no such live
    /// code. One that resets a password is consumed. One that verifies an address stays until it
    /// expires, since it changes nothing a second time.
    pub async fn redeem_code(&mut self, hash: [u8; 32], purpose: CodePurpose) -> Result<Option<Vec<u8>>, StoreError> {
        const LIVE: &str = "FROM one_time_codes WHERE hash = $1 AND purpose = $2 AND user_id = $3 AND expires_at > $4";
        let redeem = match purpose {
            CodePurpose::EmailVerification => format!("SELECT binding {LIVE}"),
            CodePurpose::PasswordReset => format!("DELETE {LIVE} RETURNING binding"),
        };
        let values = [
            hash.to_vec().into(),
            purpose.as_str().into(),
            self.user_id().as_uuid().into(),
            self.core.millis().into(),
        ];
        let row = sql::fetch_one(&self.core.db, redeem, values).await?;
        row.map(|row| row.get("binding")).transpose()
    }
}
