//! Erases the personal data of deleted accounts from users and sessions.

use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::ids::UserId;
use crate::store::transaction::SystemTx;
use crate::store::{Store, StoreError, convert, sql};

/// A deleted account that still has personal data, and where it stands in the order of deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Erasable {
    pub user: UserId,
    deleted_at: i64,
}

impl Store {
    /// At most `limit` accounts that were deleted before `before` and still have personal data,
    /// oldest first, behind `after`.
    pub async fn erasable(
        &self,
        before: OffsetDateTime,
        after: Option<Erasable>,
        limit: u64,
    ) -> Result<Vec<Erasable>, StoreError> {
        let erasable = format!(
            "SELECT id, deleted_at FROM users WHERE deleted_at IS NOT NULL AND erased_at IS NULL AND deleted_at < $1 \
             AND (deleted_at, id) > ($2, $3) ORDER BY deleted_at, id LIMIT {limit}"
        );
        let (deleted_at, user) =
            after.map_or((i64::MIN, Uuid::nil()), |after| (after.deleted_at, after.user.as_uuid()));
        let values = [convert::millis(before).into(), deleted_at.into(), user.into()];
        let rows = sql::fetch_all(self.db(), erasable, values).await?;
        rows.iter()
            .map(|row| {
                Ok(Erasable {
                    user: row.get::<Uuid>("id")?.into(),
                    deleted_at: row.get("deleted_at")?,
                })
            })
            .collect()
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
        // One index has the live sessions of a user, another one those that were revoked.
        for sessions in ["revoked_at IS NULL", "revoked_at IS NOT NULL"] {
            let erase_sessions =
                format!("UPDATE sessions SET ip = NULL, user_agent = NULL WHERE user_id = $1 AND {sessions}");
            sql::execute(&self.core.db, erase_sessions, [user.as_uuid().into()]).await?;
        }
        // One may have been enrolled while the account was deleted.
        self.core.remove_second_factor(user).await
    }
}
