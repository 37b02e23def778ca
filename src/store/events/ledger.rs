//! The ledger (table `events`) as the relay and the housekeeping jobs use it.

use std::fmt::Write as _;

use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::ids::{LedgerSeq, StreamSeq, UserSeq};
use crate::store::entities::event;
use crate::store::{Store, StoreError, convert, sql};

/// The condition of the partial index on unpublished events.
const UNPUBLISHED: &str = "published_at IS NULL AND parked_reason IS NULL";

/// The backlog is counted up to here.
const MAX_COUNTED: u32 = 100_001;

/// The append-only table that is outbox, audit log and source of replays. Cheap to clone.
#[derive(Clone)]
pub struct Ledger(Store);

/// An event to publish.
#[derive(Debug, Clone)]
pub struct LedgerRow {
    pub seq: LedgerSeq,
    /// Also the `Nats-Msg-Id`.
    pub id: Uuid,
    /// The subject to publish on.
    pub subject: String,
    /// The major version of the schema.
    pub schema_version: u32,
    pub user_id: Option<Uuid>,
    pub user_seq: Option<UserSeq>,
    pub occurred_at: OffsetDateTime,
    /// W3C trace context of the request that caused it.
    pub traceparent: Option<String>,
    /// The exact bytes to publish.
    pub payload: Vec<u8>,
}

/// An acknowledgement of the stream, to be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamAck {
    pub seq: LedgerSeq,
    pub stream_seq: StreamSeq,
}

/// An acknowledged event, to be compared with the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AckedRow {
    pub seq: LedgerSeq,
    pub id: Uuid,
    pub stream_seq: StreamSeq,
    pub occurred_at: OffsetDateTime,
}

/// The result of one step of deletion.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DeletedEvents {
    pub deleted: u64,
    /// Where the next step begins; none when the rest is too recent.
    pub next: Option<LedgerSeq>,
}

/// The unpublished events.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Backlog {
    pub pending: u64,
    /// Events that the stream will never accept.
    pub parked: u64,
    /// When the oldest pending event happened.
    pub oldest: Option<OffsetDateTime>,
}

impl Ledger {
    pub(in crate::store) const fn new(store: Store) -> Self {
        Self(store)
    }

    /// Wait for a commit of this instance that recorded an event. A commit between two calls is not
    /// missed.
    pub async fn woken(&self) {
        self.0.0.recorded.notified().await;
    }

    /// The oldest unpublished events, by state and never by cursor: a lower `seq` that commits late
    /// is found by the next read.
    pub async fn unpublished(&self, limit: u64) -> Result<Vec<LedgerRow>, StoreError> {
        self.unpublished_after(None, limit).await
    }

    /// As [`unpublished`](Self::unpublished), after a `seq`: the events to prefetch while those up
    /// to it are in flight.
    pub async fn unpublished_after(&self, seq: Option<LedgerSeq>, limit: u64) -> Result<Vec<LedgerRow>, StoreError> {
        let mut waiting = event::Entity::find()
            .filter(event::Column::PublishedAt.is_null())
            .filter(event::Column::ParkedReason.is_null())
            .order_by_asc(event::Column::Seq)
            .limit(limit);
        if let Some(seq) = seq {
            waiting = waiting.filter(event::Column::Seq.gt(seq));
        }
        let rows = waiting.all(self.0.db()).await?;
        Ok(rows.into_iter().map(ledger_row).collect())
    }

    /// Store a batch of acknowledgements in one statement.
    pub async fn store_acks(&self, acks: &[StreamAck], at: OffsetDateTime) -> Result<(), StoreError> {
        if acks.is_empty() {
            return Ok(());
        }
        // Only integers, so the text is safe. A thousand parameters would take longer to bind than
        // this text to parse.
        let mut sql = format!(
            "UPDATE events SET published_at = {}, stream_seq = acks.column2 FROM (VALUES ",
            convert::millis(at)
        );
        for (index, ack) in acks.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            let _ = write!(sql, "{comma}({},{})", ack.seq, ack.stream_seq);
        }
        sql.push_str(") AS acks WHERE events.seq = acks.column1");
        self.0.write_unprepared(&sql).await.map(|_| ())
    }

    /// Park an event that the stream will never accept, so that it does not hold up the others.
    pub async fn park(&self, seq: LedgerSeq, reason: &str) -> Result<(), StoreError> {
        let _writer = self.0.writer().await?;
        let park = event::Entity::update_many()
            .col_expr(event::Column::ParkedReason, reason.into())
            .filter(event::Column::Seq.eq(seq));
        park.exec(self.0.db()).await?;
        Ok(())
    }

    /// Step over events that no stream takes, so that they do not hold up the others: they are done
    /// without a stream sequence.
    pub async fn step_over(&self, seqs: &[LedgerSeq], at: OffsetDateTime) -> Result<(), StoreError> {
        if seqs.is_empty() {
            return Ok(());
        }
        let list = seqs.iter().map(LedgerSeq::to_string).collect::<Vec<_>>().join(",");
        let at = convert::millis(at);
        let step_over = format!("UPDATE events SET published_at = {at} WHERE seq IN ({list})");
        self.0.write_unprepared(&step_over).await.map(|_| ())
    }

    /// Make acknowledged events unpublished again, because the stream has lost them.
    pub async fn reopen(&self, seqs: &[LedgerSeq]) -> Result<u64, StoreError> {
        if seqs.is_empty() {
            return Ok(0);
        }
        let list = seqs.iter().map(LedgerSeq::to_string).collect::<Vec<_>>().join(",");
        self.0
            .write_unprepared(&format!(
                "UPDATE events SET published_at = NULL, stream_seq = NULL WHERE seq IN ({list})"
            ))
            .await
    }

    /// The unpublished events, counted up to [`MAX_COUNTED`].
    pub async fn backlog(&self) -> Result<Backlog, StoreError> {
        // This runs every few seconds, also in an outage, so the work is bounded for any number of
        // events.
        let counts = format!(
            "SELECT (SELECT count(*) FROM (SELECT 1 FROM events \
             WHERE {UNPUBLISHED} LIMIT {MAX_COUNTED}) AS waiting) AS pending, \
             (SELECT occurred_at FROM events WHERE {UNPUBLISHED} ORDER BY seq LIMIT 1) AS oldest, \
             (SELECT count(*) FROM (SELECT 1 FROM events \
             WHERE parked_reason IS NOT NULL LIMIT {MAX_COUNTED}) AS aside) AS parked"
        );
        let Some(row) = sql::fetch_one(self.0.db(), counts, []).await? else {
            return Ok(Backlog::default());
        };
        Ok(Backlog {
            pending: row.get::<i64>("pending")?.unsigned_abs(),
            parked: row.get::<i64>("parked")?.unsigned_abs(),
            oldest: row.get::<Option<i64>>("oldest")?.map(convert::time),
        })
    }

    /// Acknowledged events, highest stream sequence first, below `before_stream_seq` if given.
    pub async fn acked_page(
        &self,
        before_stream_seq: Option<StreamSeq>,
        limit: u64,
    ) -> Result<Vec<AckedRow>, StoreError> {
        let below = before_stream_seq.unwrap_or(u64::MAX.into());
        let rows = event::Entity::find()
            .select_only()
            .columns([
                event::Column::Seq,
                event::Column::Id,
                event::Column::StreamSeq,
                event::Column::OccurredAt,
            ])
            .filter(event::Column::StreamSeq.lt(below))
            .order_by_desc(event::Column::StreamSeq)
            .limit(limit)
            .into_tuple::<(LedgerSeq, Uuid, StreamSeq, i64)>()
            .all(self.0.db())
            .await?;
        let acked = |(seq, id, stream_seq, at)| AckedRow { seq, id, stream_seq, occurred_at: convert::time(at) };
        Ok(rows.into_iter().map(acked).collect())
    }

    /// Read `limit` events after `after`, and delete those that are published and happened before
    /// `before`. The configuration keeps `before` at least a day ago: until then the stream may
    /// lose what it acknowledged.
    pub async fn delete_published(
        &self,
        before: OffsetDateTime,
        after: LedgerSeq,
        limit: u64,
    ) -> Result<DeletedEvents, StoreError> {
        let before = convert::millis(before);
        let window = event::Entity::find()
            .select_only()
            .columns([event::Column::Seq, event::Column::OccurredAt])
            .filter(event::Column::Seq.gt(after))
            .order_by_asc(event::Column::Seq)
            .limit(limit)
            .into_tuple::<(LedgerSeq, i64)>()
            .all(self.0.db())
            .await?;
        let Some((last, occurred_at)) = window.last().copied() else {
            return Ok(DeletedEvents::default());
        };
        let sql = format!(
            "DELETE FROM events \
             WHERE seq > {after} AND seq <= {last} AND occurred_at < {before} AND published_at IS NOT NULL"
        );
        let deleted = self.0.write_unprepared(&sql).await?;
        let more = occurred_at < before && u64::try_from(window.len()) == Ok(limit);
        Ok(DeletedEvents { deleted, next: more.then_some(last) })
    }

    pub(in crate::store) const fn store(&self) -> &Store {
        &self.0
    }
}

pub(in crate::store) fn ledger_row(row: event::Model) -> LedgerRow {
    LedgerRow {
        seq: row.seq,
        id: row.id,
        subject: match row.custom_name {
            Some(name) => format!("{}.{name}", row.subject),
            None => row.subject,
        },
        schema_version: row.schema_version.unsigned_abs(),
        user_id: row.user_id,
        user_seq: row.user_seq,
        occurred_at: convert::time(row.occurred_at),
        traceparent: row.traceparent,
        payload: row.payload,
    }
}
