//! Rotates a session: the compare-and-swap of every refresh.

use crate::domain::ids::SessionId;
use crate::domain::session::{Session, SessionPolicy};
use crate::store::entities::session;
use crate::store::transaction::UserTx;
use crate::store::{StoreError, convert, sql};

impl UserTx<'_> {
    /// Raise the generation by one if it is `presented` and the session is live; `None` if not.
    pub async fn rotate_session(
        &mut self,
        id: SessionId,
        presented: i64,
        policy: &SessionPolicy,
    ) -> Result<Option<Session>, StoreError> {
        let rotate = format!(
            "UPDATE sessions SET generation = generation + 1, rotated_at = $1, last_used_at = $1 \
             WHERE id = $2 AND generation = $3 AND revoked_at IS NULL \
             AND expires_at > $1 AND last_used_at > $4 RETURNING {}",
            session::COLUMNS
        );
        let idle_since = convert::millis(self.core.now() - policy.idle_ttl);
        let values = [
            self.core.millis().into(),
            id.as_uuid().into(),
            presented.into(),
            idle_since.into(),
        ];
        let row = sql::fetch_one(&self.core.db, rotate, values).await?;
        row.map(|row| Ok(convert::session(row.model()?))).transpose()
    }
}
