//! The ledger (table `events`) as the relay and the queries see it.

use std::fmt::Write as _;

use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, EntityTrait as _, FromQueryResult, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, Statement,
};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::store::entities::event;
use crate::store::{Store, StoreError, convert};

/// Which events wait, as the partial index has it.
const WAITING: &str = "published_at IS NULL AND parked_reason IS NULL";

/// How far waiting events are counted.
const MAX_COUNTED_USERS: u32 = 100_001;

/// The append-only table that is outbox, audit log and replay source at once. Cheap to clone.
#[derive(Clone)]
pub struct Ledger(Store);

/// An event that waits to be published.
#[derive(Debug, Clone)]
pub struct LedgerRow {
    /// Its place in the ledger.
    pub seq: i64,
    /// Its id, which is its `Nats-Msg-Id`.
    pub id: Uuid,
    /// The subject it is published on.
    pub subject: String,
    /// The major version of its schema.
    pub schema_version: u32,
    /// Whom it is about.
    pub user_id: Option<Uuid>,
    /// When it happened.
    pub occurred_at: OffsetDateTime,
    /// W3C trace context of the request behind it.
    pub traceparent: Option<String>,
    /// The exact bytes to publish.
    pub payload: Vec<u8>,
}

/// An acknowledgement to store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settled {
    /// The event's place in the ledger.
    pub seq: i64,
    /// Its place in the stream.
    pub stream_seq: i64,
}

/// An acknowledged event, as reconciling compares it with the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AckedRow {
    /// Its place in the ledger.
    pub seq: i64,
    /// Its id.
    pub id: Uuid,
    /// Its place in the stream, as the stream said.
    pub stream_seq: i64,
    /// When it happened.
    pub occurred_at: OffsetDateTime,
}

/// What one step of pruning did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Events deleted.
    pub deleted: u64,
    /// Where the next step begins; none when the rest is too young.
    pub next: Option<i64>,
}

/// What has not reached the stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Events that wait.
    pub pending: u64,
    /// Events that can't be published and were put aside.
    pub parked: u64,
    /// When the oldest waiting event happened.
    pub oldest: Option<OffsetDateTime>,
}

impl Ledger {
    pub(in crate::store) const fn new(store: Store) -> Self {
        Self(store)
    }

    /// Resolves after a commit on this instance that recorded an event; a commit between two calls is not missed.
    pub async fn woken(&self) {
        self.0.0.recorded.notified().await;
    }

    /// The oldest events that wait, by state and never by cursor: a lower `seq` that commits late is found on the next read.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn unpublished(&self, limit: u64) -> Result<Vec<LedgerRow>, StoreError> {
        self.unpublished_behind(None, limit).await
    }

    /// As [`unpublished`](Self::unpublished), behind a `seq`: what comes next while the events up to it are on their way.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn unpublished_behind(&self, seq: Option<i64>, limit: u64) -> Result<Vec<LedgerRow>, StoreError> {
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

    /// Stores acknowledgements: one statement for the whole batch.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn settle(&self, acks: &[Settled], at: OffsetDateTime) -> Result<(), StoreError> {
        if acks.is_empty() {
            return Ok(());
        }
        // Integers only, so the text is safe; a thousand parameters would take longer to bind than this to parse.
        let mut sql = format!(
            "UPDATE events SET published_at = {}, stream_seq = acks.column2 FROM (VALUES ",
            convert::millis(at)
        );
        for (index, ack) in acks.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            let _ = write!(sql, "{comma}({},{})", ack.seq, ack.stream_seq);
        }
        sql.push_str(") AS acks WHERE events.seq = acks.column1");
        self.0.write(&sql).await.map(|_| ())
    }

    /// Puts an event aside that the stream will never take, so that others can go on.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn park(&self, seq: i64, reason: &str) -> Result<(), StoreError> {
        let _writer = self.0.writer().await?;
        let park = event::Entity::update_many()
            .col_expr(event::Column::ParkedReason, reason.into())
            .filter(event::Column::Seq.eq(seq));
        park.exec(self.0.db()).await?;
        Ok(())
    }

    /// Makes acknowledged events wait again, because the stream has lost them.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn reopen(&self, seqs: &[i64]) -> Result<u64, StoreError> {
        if seqs.is_empty() {
            return Ok(0);
        }
        let list = seqs.iter().map(i64::to_string).collect::<Vec<_>>().join(",");
        self.0
            .write(&format!(
                "UPDATE events SET published_at = NULL, stream_seq = NULL WHERE seq IN ({list})"
            ))
            .await
    }

    /// What has not reached the stream; not counted further than 100 001.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn backlog(&self) -> Result<Backlog, StoreError> {
        #[derive(FromQueryResult)]
        struct Counts {
            pending: i64,
            oldest: Option<i64>,
            parked: i64,
        }
        // Asked every few seconds, most of all in an outage: the work is bounded however much waits.
        let sql = format!(
            "SELECT (SELECT count(*) FROM (SELECT 1 FROM events WHERE {WAITING} LIMIT {MAX_COUNTED_USERS}) AS waiting) AS pending, \
             (SELECT occurred_at FROM events WHERE {WAITING} ORDER BY seq LIMIT 1) AS oldest, \
             (SELECT count(*) FROM (SELECT 1 FROM events WHERE parked_reason IS NOT NULL LIMIT {MAX_COUNTED_USERS}) AS aside) AS parked"
        );
        let statement = Statement::from_string(self.0.db().get_database_backend(), sql);
        let counts = Counts::find_by_statement(statement).one(self.0.db()).await?;
        Ok(counts.map_or_else(Backlog::default, |counts| Backlog {
            pending: counts.pending.unsigned_abs(),
            parked: counts.parked.unsigned_abs(),
            oldest: counts.oldest.map(convert::time),
        }))
    }

    /// Acknowledged events, highest place in the stream first, below `before_stream_seq` when given.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn acked_page(&self, before_stream_seq: Option<i64>, limit: u64) -> Result<Vec<AckedRow>, StoreError> {
        let below = before_stream_seq.unwrap_or(i64::MAX);
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
            .into_tuple::<(i64, Uuid, i64, i64)>()
            .all(self.0.db())
            .await?;
        let acked = |(seq, id, stream_seq, at)| AckedRow {
            seq,
            id,
            stream_seq,
            occurred_at: convert::time(at),
        };
        Ok(rows.into_iter().map(acked).collect())
    }

    /// Looks at the `most` events behind `after` and deletes those that happened before `before` and were published. `before` is at
    /// least a day ago (the configuration sees to it): until then the stream may still lose what it acknowledged.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn prune(&self, before: OffsetDateTime, after: i64, most: u64) -> Result<Pruned, StoreError> {
        let before = convert::millis(before);
        let window = event::Entity::find()
            .select_only()
            .columns([event::Column::Seq, event::Column::OccurredAt])
            .filter(event::Column::Seq.gt(after))
            .order_by_asc(event::Column::Seq)
            .limit(most)
            .into_tuple::<(i64, i64)>()
            .all(self.0.db())
            .await?;
        let Some((last, occurred_at)) = window.last().copied() else {
            return Ok(Pruned::default());
        };
        let sql = format!(
            "DELETE FROM events \
             WHERE seq > {after} AND seq <= {last} AND occurred_at < {before} AND published_at IS NOT NULL"
        );
        let deleted = self.0.write(&sql).await?;
        let more = occurred_at < before && u64::try_from(window.len()) == Ok(most);
        Ok(Pruned {
            deleted,
            next: more.then_some(last),
        })
    }

    pub(in crate::store) const fn store(&self) -> &Store {
        &self.0
    }
}

pub(in crate::store) fn ledger_row(row: event::Model) -> LedgerRow {
    LedgerRow {
        seq: row.seq,
        id: row.id,
        subject: row.subject,
        schema_version: row.schema_version.unsigned_abs(),
        user_id: row.user_id,
        occurred_at: convert::time(row.occurred_at),
        traceparent: row.traceparent,
        payload: row.payload,
    }
}
