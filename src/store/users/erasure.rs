//! Erases the personal data of deleted accounts from users and sessions.

use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::ids::UserId;
use crate::store::transaction::SystemTx;
use crate::store::{Store, StoreError, convert, sql};

impl Store {
    /// At most `limit` accounts that were deleted before `before` and still have personal data,
    /// oldest first.
    pub async fn erasable(&self, before: OffsetDateTime, limit: u64) -> Result<Vec<UserId>, StoreError> {
        let erasable = format!(
            "SELECT id FROM users WHERE deleted_at IS NOT NULL AND erased_at IS NULL AND deleted_at < {} \
             ORDER BY deleted_at LIMIT {limit}",
            convert::millis(before)
        );
        let rows = sql::fetch_all(self.db(), erasable, []).await?;
        rows.iter().map(|row| Ok(row.get::<Uuid>("id")?.into())).collect()
    }
}

impl SystemTx<'_> {
    /// Erase the personal data in a deleted user's row and sessions. The id, the times, the type
    /// and the roles stay.
    pub async fn erase_user(&mut self, user: UserId) -> Result<(), StoreError> {
        // An address that cannot exist (RFC 6761 section 6.4), since the column needs one.
        let erased = format!("{user}@erased.invalid");
        let erase_user = "UPDATE users SET email = $1, email_canonical = $1, email_verified = $2, username = NULL, \
                   username_canonical = NULL, name = NULL, profile = '{}', search_text = '', password_hash = '', \
                   erased_at = $3 WHERE id = $4 AND deleted_at IS NOT NULL";
        let values = [
            erased.into(),
            false.into(),
            self.core.millis().into(),
            user.as_uuid().into(),
        ];
        sql::execute(&self.core.db, erase_user, values).await?;
        let erase_sessions = "UPDATE sessions SET ip = NULL, user_agent = NULL WHERE user_id = $1";
        sql::execute(&self.core.db, erase_sessions, [user.as_uuid().into()]).await?;
        // One may have been enrolled while the account was deleted.
        self.core.remove_second_factor(user).await
    }
}
