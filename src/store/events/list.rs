//! Lists the ledger in pages, in its own order, up to the high watermark: what a page has passed
//! cannot change any more.

use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _, Select};
use time::OffsetDateTime;

use crate::domain::ids::{Cursor, EventId, ForeignCursor, LedgerSeq, SessionId, UserId};
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
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum EventOrder {
    #[default]
    NewestFirst,
    OldestFirst,
}

/// Which part of a list to read.
#[derive(Debug, Clone, Copy)]
pub struct PageRequest {
    pub order: EventOrder,
    /// The last event of the previous page. It need not exist.
    pub after: Option<LedgerSeq>,
    /// The end of the ledger.
    pub end: LedgerSeq,
    pub limit: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    pub seq: LedgerSeq,
    /// The exact bytes that are published.
    pub payload: Vec<u8>,
}

impl Ledger {
    /// The sequence of a cursor of this ledger.
    pub async fn resolve(&self, cursor: Cursor) -> Result<Result<LedgerSeq, ForeignCursor>, StoreError> {
        if cursor.epoch != self.epoch().await? {
            return Ok(Err(ForeignCursor::OtherEpoch));
        }
        let reached = self.has_reached(cursor.seq).await?;
        Ok(if reached {
            Ok(cursor.seq)
        } else {
            Err(ForeignCursor::BeyondEnd)
        })
    }

    /// The matches of one page.
    pub async fn page(&self, filter: &EventFilter, page: PageRequest) -> Result<Vec<StoredEvent>, StoreError> {
        let mut query = matching(filter)
            .filter(event::Column::Seq.lte(page.end))
            .select_only()
            .columns([event::Column::Seq, event::Column::Payload])
            .limit(page.limit);
        if let Some(from) = filter.from {
            // Without a bound of `seq`, the query would read all that lies between.
            query = query.filter(event::Column::Seq.gt(self.seq_before(from).await?));
        }
        if let Some(until) = filter.until {
            query = query.filter(event::Column::Seq.lte(self.seq_until(until).await?));
        }
        query = match (page.order, page.after) {
            (EventOrder::NewestFirst, Some(after)) => query.filter(event::Column::Seq.lt(after)),
            (EventOrder::OldestFirst, Some(after)) => query.filter(event::Column::Seq.gt(after)),
            (_, None) => query,
        };
        query = match page.order {
            EventOrder::NewestFirst => query.order_by_desc(event::Column::Seq),
            EventOrder::OldestFirst => query.order_by_asc(event::Column::Seq),
        };
        let rows = query.into_tuple::<(LedgerSeq, Vec<u8>)>().all(self.store().db()).await?;
        Ok(rows.into_iter().map(|(seq, payload)| StoredEvent { seq, payload }).collect())
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

/// The events that match, in no order.
fn matching(filter: &EventFilter) -> Select<event::Entity> {
    let mut query = event::Entity::find();
    if let Some(user) = filter.user {
        query = query.filter(event::Column::UserId.eq(user.as_uuid()));
    }
    if let Some(session) = filter.session {
        query = query.filter(event::Column::SessionId.eq(session.as_uuid()));
    }
    if let Some(subject) = filter.subject {
        query = query.filter(event::Column::Subject.eq(subject));
    }
    // An id is the `UUIDv7` of its time.
    if let Some(from) = filter.from {
        query = query.filter(event::Column::Id.gte(EventId::first_at(from).as_uuid()));
    }
    if let Some(until) = filter.until {
        query = query.filter(event::Column::Id.lt(EventId::first_at(until).as_uuid()));
    }
    query
}
