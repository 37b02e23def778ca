//! Sessions: opened, rotated, listed and revoked.

use sea_orm::{
    ColumnTrait as _, Condition, ConnectionTrait as _, EntityTrait as _, FromQueryResult as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _,
};
use time::OffsetDateTime;
use uuid::Uuid;

use super::entities::{session, user};
use super::tx::{Tx, UserLock};
use super::{Store, StoreError, convert};
use crate::domain::ids::{SessionId, UserId};
use crate::domain::session::{RevokeReason, Session, SessionPolicy};
use crate::domain::user::User;

/// A session to open.
pub struct NewSession {
    /// The id.
    pub id: SessionId,
    /// Whose it is.
    pub user_id: UserId,
    /// When it ends whatever happens.
    pub expires_at: OffsetDateTime,
}

/// A session that was opened.
pub struct OpenedSession {
    /// The session.
    pub session: Session,
    /// How many other live sessions its user has.
    pub others: u64,
}

impl Store {
    /// A session and its user, ended or not.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn session_with_user(&self, id: SessionId) -> Result<Option<(Session, User)>, StoreError> {
        let found = session::Entity::find_by_id(id.as_uuid())
            .find_also_related(user::Entity)
            .one(self.db())
            .await?;
        match found {
            Some((session, Some(user))) => Ok(Some((convert::session(session), convert::user(user)?))),
            _ => Ok(None),
        }
    }

    /// A user's live sessions, newest first, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn live_sessions(
        &self,
        user: UserId,
        now: OffsetDateTime,
        policy: &SessionPolicy,
        limit: u64,
    ) -> Result<Vec<Session>, StoreError> {
        let rows = session::Entity::find()
            .filter(alive(user, now, policy))
            .order_by_desc(session::Column::CreatedAt)
            .limit(limit)
            .all(self.db())
            .await?;
        Ok(rows.into_iter().map(convert::session).collect())
    }
}

impl Tx<'_> {
    /// Locks the user whose session this is, as [`lock_user`](Self::lock_user) does, in the same round trip that finds them.
    ///
    /// # Errors
    /// [`StoreError`] of the database; `None` when there is no such session.
    pub async fn lock_user_of(&mut self, session: SessionId) -> Result<Option<(User, UserLock)>, StoreError> {
        let sql = format!(
            "UPDATE users SET event_seq = event_seq + 1 \
             WHERE id = (SELECT user_id FROM sessions WHERE id = $1) RETURNING {}",
            user::COLUMNS
        );
        let row = user::Model::find_by_statement(self.statement(&sql, [session.as_uuid().into()]))
            .one(&self.db)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let lock = UserLock::reserved(row.id.into(), row.event_seq);
        Ok(Some((convert::user(row)?, lock)))
    }

    /// Opens a session for a locked user, and counts the user's other live sessions in the same round trip.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn open_session(&mut self, new: NewSession, policy: &SessionPolicy) -> Result<OpenedSession, StoreError> {
        let now = self.millis();
        let row = session::Model {
            id: new.id.as_uuid(),
            user_id: new.user_id.as_uuid(),
            generation: 1,
            rotated_at: now,
            created_at: now,
            last_used_at: now,
            expires_at: convert::millis(new.expires_at),
            revoked_at: None,
            revoked_reason: None,
            ip: self.origin().ip.map(|ip| ip.to_string()),
            user_agent: self.origin().user_agent.clone(),
        };
        // The count is of a moment after the lock was taken: an INSERT waits for nobody.
        let sql = format!(
            "INSERT INTO sessions ({}) VALUES ($1, $2, $3, $4, $4, $4, $5, NULL, NULL, $6, $7) RETURNING \
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
            convert::millis(self.now() - policy.idle_ttl).into(),
        ];
        let counted = self.db.query_one_raw(self.statement(&sql, values)).await?;
        let others: i64 = counted.map_or(Ok(0), |counted| counted.try_get("", "others"))?;
        Ok(OpenedSession {
            session: convert::session(row),
            others: others.unsigned_abs(),
        })
    }

    /// A session as it is now; nobody changes it while its user is locked.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn session(&mut self, id: SessionId) -> Result<Option<Session>, StoreError> {
        Ok(session::Entity::find_by_id(id.as_uuid())
            .one(&self.db)
            .await?
            .map(convert::session))
    }

    /// Raises the generation by one if it is `presented` and the session is alive: the compare-and-swap of every rotation.
    ///
    /// # Errors
    /// [`StoreError`] of the database; `None` when the condition does not hold.
    pub async fn rotate_session(
        &mut self,
        id: SessionId,
        presented: i64,
        policy: &SessionPolicy,
    ) -> Result<Option<Session>, StoreError> {
        let sql = format!(
            "UPDATE sessions SET generation = generation + 1, rotated_at = $1, last_used_at = $1 \
             WHERE id = $2 AND generation = $3 AND revoked_at IS NULL AND expires_at > $1 AND last_used_at > $4 RETURNING {}",
            session::COLUMNS
        );
        let idle_since = convert::millis(self.now() - policy.idle_ttl);
        let values = [
            self.millis().into(),
            id.as_uuid().into(),
            presented.into(),
            idle_since.into(),
        ];
        let row = session::Model::find_by_statement(self.statement(&sql, values))
            .one(&self.db)
            .await?;
        Ok(row.map(convert::session))
    }

    /// Revokes one session of a user; false when it was over before or is not theirs.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn revoke_session(
        &mut self,
        user: UserId,
        id: SessionId,
        reason: RevokeReason,
        policy: &SessionPolicy,
    ) -> Result<bool, StoreError> {
        Ok(!self
            .revoke(user, "id = $4", id.as_uuid(), reason, policy)
            .await?
            .is_empty())
    }

    /// Revokes a user's sessions, all or all but one, and tells which have ended by it. The transaction happens no earlier than they
    /// began: while it waited for the user's lock others may have begun, and who learns from the event what has ended compares times.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn revoke_sessions(
        &mut self,
        user: UserId,
        except: Option<SessionId>,
        reason: RevokeReason,
        policy: &SessionPolicy,
    ) -> Result<Vec<SessionId>, StoreError> {
        let except = except.unwrap_or(SessionId::NIL).as_uuid();
        let ended = self.revoke(user, "id <> $4", except, reason, policy).await?;
        for session in &ended {
            self.advance_to(session.created_at);
        }
        Ok(ended.into_iter().map(|session| session.id).collect())
    }

    /// Those that had run out are marked too, so that a longer idle time does not bring them back, but have not ended by it.
    async fn revoke(
        &self,
        user: UserId,
        which: &str,
        id: Uuid,
        reason: RevokeReason,
        policy: &SessionPolicy,
    ) -> Result<Vec<Session>, StoreError> {
        let sql = format!(
            "UPDATE sessions SET revoked_at = $1, revoked_reason = $2 \
             WHERE user_id = $3 AND {which} AND revoked_at IS NULL RETURNING {}",
            session::COLUMNS
        );
        let values = [
            self.millis().into(),
            reason.as_str().into(),
            user.as_uuid().into(),
            id.into(),
        ];
        let rows = session::Model::find_by_statement(self.statement(&sql, values))
            .all(&self.db)
            .await?;
        let revoked = rows.into_iter().map(convert::session);
        Ok(revoked.filter(|session| self.now() < session.ends_at(policy)).collect())
    }

    /// The oldest live sessions of a locked user beyond as many as a user may have, of which `newest` is one whatever its times say.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn surplus_sessions(
        &mut self,
        user: UserId,
        newest: SessionId,
        policy: &SessionPolicy,
    ) -> Result<Vec<SessionId>, StoreError> {
        let ids = session::Entity::find()
            .select_only()
            .column(session::Column::Id)
            .filter(alive(user, self.now(), policy))
            .filter(session::Column::Id.ne(newest.as_uuid()))
            .order_by_desc(session::Column::CreatedAt)
            .order_by_desc(session::Column::Id)
            .offset(u64::from(policy.max_per_user).saturating_sub(1))
            .limit(u64::from(u16::MAX))
            .into_tuple::<Uuid>()
            .all(&self.db)
            .await?;
        Ok(ids.into_iter().map(Into::into).collect())
    }
}

/// The sessions of a user that are neither revoked nor past one of their ends, as [`Session::state`] has it.
fn alive(user: UserId, now: OffsetDateTime, policy: &SessionPolicy) -> Condition {
    Condition::all()
        .add(session::Column::UserId.eq(user.as_uuid()))
        .add(session::Column::RevokedAt.is_null())
        .add(session::Column::ExpiresAt.gt(convert::millis(now)))
        .add(session::Column::LastUsedAt.gt(convert::millis(now - policy.idle_ttl)))
}
