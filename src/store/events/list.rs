//! Lists the ledger in pages, newest first. An event's id is the `UUIDv7` of its time, so one index
//! gives the order, the range of time and the end of a page.

use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::ids::{EventId, SessionId, UserId};
use crate::store::entities::event;
use crate::store::{Ledger, StoreError};

/// All given conditions must match.
#[derive(Debug, Clone, Default)]
pub struct EventFilter {
    pub user: Option<UserId>,
    pub session: Option<SessionId>,
    pub subject: Option<&'static str>,
    /// Inclusive.
    pub from: Option<OffsetDateTime>,
    /// Exclusive.
    pub until: Option<OffsetDateTime>,
    /// The last event of the previous page. It need not exist.
    pub after: Option<EventId>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    pub id: EventId,
    /// The exact bytes that are published.
    pub payload: Vec<u8>,
}

impl Ledger {
    /// The newest matches.
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

    /// The bytes of an event; with a user, only if it is about that user.
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
