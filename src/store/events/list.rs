//! The ledger in pages, newest first. Event ids are `UUIDv7` of the moment they happened at, so one index order serves as time, as
//! order and as the place where a page ends.

use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::ids::{EventId, SessionId, UserId};
use crate::store::entities::event;
use crate::store::{Ledger, StoreError};

/// Which events; all of them when nothing is set.
#[derive(Debug, Clone, Default)]
pub struct EventFilter {
    /// About this user.
    pub user: Option<UserId>,
    /// About this session.
    pub session: Option<SessionId>,
    /// With this subject.
    pub subject: Option<&'static str>,
    /// That happened at this moment or later.
    pub from: Option<OffsetDateTime>,
    /// That happened before this moment.
    pub until: Option<OffsetDateTime>,
    /// That come after this one in a list from the newest to the oldest. It need not be an event that exists.
    pub after: Option<EventId>,
}

/// An event as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    /// Its id.
    pub id: EventId,
    /// The exact bytes that are published.
    pub payload: Vec<u8>,
}

impl Ledger {
    /// The newest events of a filter.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn newest(&self, filter: &EventFilter, limit: u64) -> Result<Vec<StoredEvent>, StoreError> {
        let mut query = event::Entity::find()
            .select_only()
            .columns([event::Column::Id, event::Column::Payload])
            .order_by_desc(event::Column::Id)
            .limit(limit);
        if let Some(user) = filter.user {
            query = query.filter(event::Column::UserId.eq(user.as_uuid()));
        }
        if let Some(session) = filter.session {
            query = query.filter(event::Column::SessionId.eq(session.as_uuid()));
        }
        if let Some(subject) = filter.subject {
            query = query.filter(event::Column::Subject.eq(subject));
        }
        if let Some(from) = filter.from {
            query = query.filter(event::Column::Id.gte(EventId::first_at(from).as_uuid()));
        }
        let until = filter.until.map(EventId::first_at);
        if let Some(before) = until.into_iter().chain(filter.after).min() {
            query = query.filter(event::Column::Id.lt(before.as_uuid()));
        }
        let rows = query.into_tuple::<(Uuid, Vec<u8>)>().all(self.store().db()).await?;
        let stored = |(id, payload): (Uuid, _)| StoredEvent { id: id.into(), payload };
        Ok(rows.into_iter().map(stored).collect())
    }

    /// One event's bytes; with a user, only if it is about them.
    ///
    /// # Errors
    /// [`StoreError`] of the database; `None` when there is no such event.
    pub async fn event(&self, id: EventId, about: Option<UserId>) -> Result<Option<Vec<u8>>, StoreError> {
        let mut query = event::Entity::find()
            .select_only()
            .column(event::Column::Payload)
            .filter(event::Column::Id.eq(id.as_uuid()));
        if let Some(user) = about {
            query = query.filter(event::Column::UserId.eq(user.as_uuid()));
        }
        Ok(query.into_tuple::<Vec<u8>>().one(self.store().db()).await?)
    }
}
