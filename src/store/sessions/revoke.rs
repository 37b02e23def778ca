//! Revokes sessions.

use uuid::Uuid;

use crate::domain::ids::SessionId;
use crate::domain::session::{RevokeReason, Session, SessionPolicy};
use crate::store::entities::session;
use crate::store::transaction::UserTx;
use crate::store::{StoreError, convert, sql};

impl UserTx<'_> {
    /// Revoke one session of the user; false if it had ended before or is not the user's.
    pub async fn revoke_session(
        &mut self,
        id: SessionId,
        reason: RevokeReason,
        policy: &SessionPolicy,
    ) -> Result<bool, StoreError> {
        Ok(!self.revoke("id = $4", id.as_uuid(), reason, policy).await?.is_empty())
    }

    /// Revoke the user's sessions, except one, and return those that were live, oldest first.
    ///
    /// The transaction moves to the start of the newest of them: sessions may have begun while it
    /// waited for the user's lock, and no session ends before it began.
    pub async fn revoke_sessions(
        &mut self,
        except: Option<SessionId>,
        reason: RevokeReason,
        policy: &SessionPolicy,
    ) -> Result<Vec<SessionId>, StoreError> {
        let except = except.unwrap_or(SessionId::NIL).as_uuid();
        let ended = self.revoke("id <> $4", except, reason, policy).await?;
        for session in &ended {
            self.advance_to(session.created_at);
        }
        Ok(ended.into_iter().map(|session| session.id).collect())
    }

    /// Mark sessions as revoked, and return those that were live, oldest first. Expired ones are
    /// marked too, so that a longer idle time does not bring them back.
    async fn revoke(
        &self,
        condition: &str,
        id: Uuid,
        reason: RevokeReason,
        policy: &SessionPolicy,
    ) -> Result<Vec<Session>, StoreError> {
        let revoke = format!(
            "UPDATE sessions SET revoked_at = $1, revoked_reason = $2 \
             WHERE user_id = $3 AND {condition} AND revoked_at IS NULL RETURNING {}",
            session::COLUMNS
        );
        let values = [
            self.core.millis().into(),
            reason.as_str().into(),
            self.user_id().as_uuid().into(),
            id.into(),
        ];
        let rows = sql::fetch_all(&self.core.db, revoke, values).await?;
        let mut revoked: Vec<Session> = rows
            .iter()
            .map(|row| Ok(convert::session(row.model()?)))
            .collect::<Result<_, StoreError>>()?;
        revoked.retain(|session| self.core.now() < session.ends_at(policy));
        revoked.sort_by_key(|session| (session.created_at, session.id));
        Ok(revoked)
    }
}
