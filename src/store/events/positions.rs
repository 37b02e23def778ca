//! Where the ledger says its events are in the stream, for `watchword events verify`.

use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _, Select};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::store::entities::event;
use crate::store::{Ledger, StoreError, convert};

/// An event and its place in the stream, as the ledger has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventPosition {
    /// Its place in the ledger.
    pub seq: i64,
    /// Its id.
    pub id: Uuid,
    /// Its subject.
    pub subject: String,
    /// Whom it is about, and its number among the events about this user.
    pub user: Option<(Uuid, i64)>,
    /// When it happened.
    pub occurred_at: OffsetDateTime,
    /// Its place in the stream; none while the stream is not known to have it.
    pub stream_seq: Option<u64>,
}

type Columns = (i64, Uuid, String, Option<Uuid>, Option<i64>, i64, Option<i64>);

impl Ledger {
    /// The highest place in the stream that any event was ever acknowledged at.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn max_stream_seq(&self) -> Result<Option<u64>, StoreError> {
        let highest = event::Entity::find()
            .select_only()
            .column(event::Column::StreamSeq)
            .filter(event::Column::StreamSeq.is_not_null())
            .order_by_desc(event::Column::StreamSeq)
            .into_tuple::<i64>()
            .one(self.store().db())
            .await?;
        Ok(highest.map(i64::unsigned_abs))
    }

    /// The events acknowledged at the places `from` to `through` of the stream, that happened at `since` or later.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn positions_between(
        &self,
        from: u64,
        through: u64,
        since: Option<OffsetDateTime>,
    ) -> Result<Vec<EventPosition>, StoreError> {
        let place = |seq: u64| i64::try_from(seq).unwrap_or(i64::MAX);
        let mut query = event::Entity::find()
            .filter(event::Column::StreamSeq.gte(place(from)))
            .filter(event::Column::StreamSeq.lte(place(through)))
            .order_by_asc(event::Column::StreamSeq);
        if let Some(since) = since {
            query = query.filter(event::Column::OccurredAt.gte(convert::millis_from(since)));
        }
        self.read_positions(query).await
    }

    /// The events with these ids that the ledger has.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn positions_by_id(&self, ids: &[Uuid]) -> Result<Vec<EventPosition>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let query = event::Entity::find().filter(event::Column::Id.is_in(ids.iter().copied()));
        self.read_positions(query).await
    }

    async fn read_positions(&self, query: Select<event::Entity>) -> Result<Vec<EventPosition>, StoreError> {
        let rows = query
            .select_only()
            .columns([
                event::Column::Seq,
                event::Column::Id,
                event::Column::Subject,
                event::Column::UserId,
                event::Column::UserSeq,
                event::Column::OccurredAt,
                event::Column::StreamSeq,
            ])
            .into_tuple::<Columns>()
            .all(self.store().db())
            .await?;
        Ok(rows.into_iter().map(position).collect())
    }
}

fn position((seq, id, subject, user, user_seq, occurred_at, stream_seq): Columns) -> EventPosition {
    EventPosition {
        seq,
        id,
        subject,
        user: user.zip(user_seq),
        occurred_at: convert::time(occurred_at),
        stream_seq: stream_seq.map(i64::unsigned_abs),
    }
}
