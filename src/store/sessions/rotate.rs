//! Rotates a session: the compare-and-swap of every refresh.
//!
//! When it happened is by the clock of the database, since another instance may compare it with its
//! own clock: clocks apart by more than the grace would turn an answer that was lost into a theft.

use time::Duration;

use crate::domain::ids::SessionId;
use crate::domain::session::{Refresh, Session, SessionPolicy};
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
            "UPDATE sessions SET generation = generation + 1, rotated_at = {}, last_used_at = $1 \
             WHERE id = $2 AND generation = $3 AND revoked_at IS NULL \
             AND expires_at > $1 AND last_used_at > $4 RETURNING {}",
            self.core.shared_now().unwrap_or("$1"),
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

    /// What a refresh token of generation `presented` leads to.
    pub async fn refresh_of(
        &mut self,
        session: &Session,
        presented: i64,
        policy: &SessionPolicy,
    ) -> Result<Refresh, StoreError> {
        let rotated_for = match self.core.shared_now() {
            Some(now) if session.is_parent(presented) => {
                let row = sql::fetch_one(&self.core.db, format!("SELECT {now} AS now"), []).await?;
                let now = row.map_or_else(|| Ok(self.core.millis()), |row| row.get("now"))?;
                convert::time(now) - session.rotated_at
            }
            Some(_) => Duration::ZERO,
            None => self.core.now() - session.rotated_at,
        };
        Ok(session.refresh(presented, self.core.now(), rotated_for, policy))
    }
}
