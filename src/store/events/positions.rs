//! The stream positions of events according to the ledger, for `watchword events verify`.

use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _, Select};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::ids::{LedgerSeq, StreamSeq, UserSeq};
use crate::store::entities::event;
use crate::store::{Ledger, StoreError, convert};

/// An event with its stream position, according to the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventPosition {
    pub seq: LedgerSeq,
    pub id: Uuid,
    pub subject: String,
    /// The user that it is about, and its user sequence.
    pub user: Option<(Uuid, UserSeq)>,
    pub occurred_at: OffsetDateTime,
    /// None while the stream has not acknowledged it.
    pub stream_seq: Option<StreamSeq>,
}

type Columns = (LedgerSeq, Uuid, String, Option<Uuid>, Option<UserSeq>, i64, Option<StreamSeq>);

impl Ledger {
    /// The highest stream sequence that was ever acknowledged.
    pub async fn max_stream_seq(&self) -> Result<Option<StreamSeq>, StoreError> {
        let highest = event::Entity::find()
            .select_only()
            .column(event::Column::StreamSeq)
            .filter(event::Column::StreamSeq.is_not_null())
            .order_by_desc(event::Column::StreamSeq)
            .into_tuple()
            .one(self.store().db())
            .await?;
        Ok(highest)
    }

    /// The events acknowledged at the stream sequences `from` to `through` that happened at `since`
    /// or later.
    pub async fn positions_between(
        &self,
        from: StreamSeq,
        through: StreamSeq,
        since: Option<OffsetDateTime>,
    ) -> Result<Vec<EventPosition>, StoreError> {
        let mut query = event::Entity::find()
            .filter(event::Column::StreamSeq.gte(from))
            .filter(event::Column::StreamSeq.lte(through))
            .order_by_asc(event::Column::StreamSeq);
        if let Some(since) = since {
            query = query.filter(event::Column::OccurredAt.gte(convert::millis_from(since)));
        }
        self.read_positions(query).await
    }

    /// The events with these ids, as far as the ledger has them.
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
        stream_seq,
    }
}
