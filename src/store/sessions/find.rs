//! Finds sessions, by id or user.

use sea_orm::{
    ColumnTrait as _, Condition, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::ids::{SessionId, UserId};
use crate::domain::session::{Session, SessionPolicy};
use crate::domain::user::User;
use crate::store::entities::{session, user};
use crate::store::transaction::{Tx, UserTx};
use crate::store::{Store, StoreError, convert};

impl Store {
    /// A session and its user, ended or not.
    pub async fn session_with_user(&self, id: SessionId) -> Result<Option<(Session, User)>, StoreError> {
        session_with_user(self.lookup_db().await, id).await
    }

    /// At most `limit` of a user's live sessions, newest first.
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
    /// A session and its user as they are now, without a lock.
    pub async fn session_with_user(&mut self, id: SessionId) -> Result<Option<(Session, User)>, StoreError> {
        session_with_user(&self.core.db, id).await
    }
}

impl UserTx<'_> {
    /// A session as it is now. If it is the locked user's, no other transaction changes it.
    pub async fn session(&mut self, id: SessionId) -> Result<Option<Session>, StoreError> {
        let row = session::Entity::find_by_id(id.as_uuid()).one(&self.core.db).await?;
        Ok(row.map(convert::session))
    }

    /// The oldest live sessions beyond the maximum per user, oldest first. `newest` counts as the
    /// newest.
    pub async fn surplus_sessions(
        &mut self,
        newest: SessionId,
        policy: &SessionPolicy,
    ) -> Result<Vec<SessionId>, StoreError> {
        let ids = session::Entity::find()
            .select_only()
            .column(session::Column::Id)
            .filter(alive(self.user_id(), self.core.now(), policy))
            .filter(session::Column::Id.ne(newest.as_uuid()))
            .order_by_desc(session::Column::CreatedAt)
            .order_by_desc(session::Column::Id)
            .offset(u64::from(policy.max_per_user).saturating_sub(1))
            .limit(u64::from(u16::MAX))
            .into_tuple::<Uuid>()
            .all(&self.core.db)
            .await?;
        Ok(ids.into_iter().rev().map(Into::into).collect())
    }
}

async fn session_with_user(db: &impl ConnectionTrait, id: SessionId) -> Result<Option<(Session, User)>, StoreError> {
    let found = session::Entity::find_by_id(id.as_uuid()).find_also_related(user::Entity).one(db).await?;
    match found {
        Some((session, Some(user))) => Ok(Some((convert::session(session), convert::user(user)?))),
        _ => Ok(None),
    }
}

/// The condition for the live sessions of a user, as [`Session::state`] defines them.
fn alive(user: UserId, now: OffsetDateTime, policy: &SessionPolicy) -> Condition {
    Condition::all()
        .add(session::Column::UserId.eq(user.as_uuid()))
        .add(session::Column::RevokedAt.is_null())
        .add(session::Column::ExpiresAt.gt(convert::millis(now)))
        .add(session::Column::LastUsedAt.gt(convert::millis(now - policy.idle_ttl)))
}
