//! Opens a session.

use time::OffsetDateTime;

use crate::domain::ids::SessionId;
use crate::domain::session::{AuthenticationMethod, Session, SessionPolicy};
use crate::store::entities::session;
use crate::store::transaction::UserTx;
use crate::store::{StoreError, convert, sql};

pub struct NewSession {
    pub id: SessionId,
    /// The absolute end.
    pub expires_at: OffsetDateTime,
    /// What was verified at the login.
    pub amr: Vec<AuthenticationMethod>,
}

pub struct OpenedSession {
    pub session: Session,
    /// How many other live sessions the user has.
    pub others: u64,
}

impl UserTx<'_> {
    /// Open a session for the user, and count the user's other live sessions in the same round
    /// trip.
    pub async fn open_session(&mut self, new: NewSession, policy: &SessionPolicy) -> Result<OpenedSession, StoreError> {
        let now = self.core.millis();
        let row = session::Model {
            id: new.id.as_uuid(),
            user_id: self.user_id().as_uuid(),
            generation: 1,
            rotated_at: now,
            created_at: now,
            last_used_at: now,
            expires_at: convert::millis(new.expires_at),
            revoked_at: None,
            revoked_reason: None,
            ip: self.core.request.ip.map(|ip| ip.to_string()),
            user_agent: self.core.request.user_agent.clone(),
            amr: new.amr.iter().map(|method| method.as_str()).collect::<Vec<_>>().join(" "),
        };
        // The count is taken after the lock: an INSERT waits for no other transaction.
        let insert = format!(
            "INSERT INTO sessions ({}) VALUES ($1, $2, $3, $4, $4, $4, $5, NULL, NULL, $6, $7, $9) RETURNING \
             (SELECT count(*) FROM sessions AS other WHERE other.user_id = $2 AND other.revoked_at IS NULL \
             AND other.expires_at > $4 AND other.last_used_at > $8 AND other.id <> $1) AS others",
            session::COLUMNS
        );
        let values = [
            row.id.into(),
            row.user_id.into(),
            row.generation.into(),
            now.into(),
            row.expires_at.into(),
            row.ip.clone().into(),
            row.user_agent.clone().into(),
            convert::millis(self.core.now() - policy.idle_ttl).into(),
            row.amr.clone().into(),
        ];
        let counted = sql::fetch_one(&self.core.db, insert, values).await?;
        let others: i64 = counted.map_or(Ok(0), |counted| counted.get("others"))?;
        Ok(OpenedSession {
            session: convert::session(row),
            others: others.unsigned_abs(),
        })
    }
}
