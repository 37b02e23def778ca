//! Ends again what adopted events say has ended: the restored rows do not know of it.

use time::OffsetDateTime;

use crate::domain::ids::{SessionId, UserId};
use crate::domain::session::RevokeReason;
use crate::domain::user::UserStatus;
use crate::store::transaction::SystemTx;
use crate::store::{StoreError, convert, sql};

/// What events have ended.
#[derive(Debug, Default)]
pub struct Endings {
    pub sessions: Vec<EndedSession>,
    pub users: Vec<EndedUser>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndedSession {
    pub id: SessionId,
    pub reason: RevokeReason,
    pub at: OffsetDateTime,
}

/// A user who was disabled or deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndedUser {
    pub id: UserId,
    /// All but `Active`.
    pub status: UserStatus,
    pub at: OffsetDateTime,
}

/// How many of them had not ended.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct EndedAgain {
    pub sessions: u64,
    pub disabled: u64,
    pub deleted: u64,
}

impl SystemTx<'_> {
    pub(super) async fn end_again(&mut self, endings: &Endings) -> Result<EndedAgain, StoreError> {
        let mut ended = EndedAgain::default();
        for session in &endings.sessions {
            let id = session.id.as_uuid();
            ended.sessions += self.revoke("id = $3", id.into(), session.reason, session.at).await?;
        }
        for user in &endings.users {
            let (changed, reason) = match user.status {
                UserStatus::Active => continue,
                UserStatus::Disabled => {
                    let changed = self.disable_again(user).await?;
                    ended.disabled += changed;
                    (changed, RevokeReason::Disabled)
                }
                UserStatus::Deleted => {
                    let changed = self.delete_again(user).await?;
                    ended.deleted += changed;
                    (changed, RevokeReason::Deleted)
                }
            };
            if changed > 0 {
                // Of these, some began after the backup.
                let now = self.now();
                ended.sessions += self.revoke("user_id = $3", user.id.as_uuid().into(), reason, now).await?;
            }
        }
        Ok(ended)
    }

    async fn revoke(
        &self,
        condition: &str,
        id: sea_orm::Value,
        reason: RevokeReason,
        at: OffsetDateTime,
    ) -> Result<u64, StoreError> {
        let revoke = format!(
            "UPDATE sessions SET revoked_at = $1, revoked_reason = $2 WHERE {condition} AND revoked_at IS NULL"
        );
        sql::execute(&self.core.db, revoke, [convert::millis(at).into(), reason.as_str().into(), id]).await
    }

    async fn disable_again(&self, user: &EndedUser) -> Result<u64, StoreError> {
        let disable = "UPDATE users SET status = $1, updated_at = $2 WHERE id = $3 AND status = 'active'";
        let values = [
            UserStatus::Disabled.as_str().into(),
            self.core.millis().into(),
            user.id.as_uuid().into(),
        ];
        sql::execute(&self.core.db, disable, values).await
    }

    /// As the deletion itself: the password, the second factor and waiting mails go too.
    async fn delete_again(&self, user: &EndedUser) -> Result<u64, StoreError> {
        let delete = "UPDATE users SET status = $1, password_hash = '', updated_at = $2, deleted_at = $3 \
             WHERE id = $4 AND status <> 'deleted'";
        let values = [
            UserStatus::Deleted.as_str().into(),
            self.core.millis().into(),
            convert::millis(user.at).into(),
            user.id.as_uuid().into(),
        ];
        let changed = sql::execute(&self.core.db, delete, values).await?;
        if changed > 0 {
            self.core.remove_second_factor(user.id).await?;
            self.core.cancel_emails(user.id).await?;
        }
        Ok(changed)
    }
}
