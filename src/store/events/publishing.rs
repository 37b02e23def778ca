//! What the leading relay reads and writes of the ledger, over the connection of its lease.

use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use time::OffsetDateTime;
use uuid::Uuid;

use super::barrier;
use super::decided::Decided;
use super::ledger::ledger_row;
use crate::domain::ids::{LedgerSeq, StreamSeq};
use crate::store::entities::event;
use crate::store::{LeaderLease, LedgerRow, StoreError, convert, sql};
use crate::telemetry::SeededBug;

/// How far the ledger is published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelayPosition {
    /// The stream, and when it was created: another time is another stream of this name.
    pub stream: String,
    pub created: OffsetDateTime,
    /// Every event up to here is published.
    pub seq: LedgerSeq,
    /// The last message of ours, and its `Nats-Msg-Id`.
    pub stream_seq: StreamSeq,
    pub message_id: Option<String>,
    /// The first event of the refill, if this stream replaced a lost one.
    pub refill_from: Option<LedgerSeq>,
}

/// The next rows to publish.
#[derive(Debug)]
pub enum NextRows {
    /// In ledger order; nothing can appear between them. Empty: there are none.
    Decided(Vec<LedgerRow>),
    /// There are rows, but a running transaction may add one before them.
    Blocked,
}

/// The ends of the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LedgerEnds {
    /// The oldest event, unless there is none.
    pub first: Option<LedgerSeq>,
    /// The newest visible event; the default when there is none.
    pub last: LedgerSeq,
    /// The last sequence that was given out.
    pub assigned: LedgerSeq,
}

/// What counts for the limits of a stream.
#[derive(Debug, Clone, Copy)]
pub struct RowSize {
    pub seq: LedgerSeq,
    pub bytes: u64,
    pub occurred_at: OffsetDateTime,
}

impl LeaderLease {
    /// The rows after `after`, as far as they are decided.
    pub async fn next_rows(&mut self, after: LedgerSeq, limit: u64) -> Result<NextRows, StoreError> {
        let mut asked = false;
        loop {
            let mut rows = self.rows_after(after, limit).await?;
            let is_careless = SeededBug::CursorPastUndecided.is_active();
            if rows.is_empty() || Decided::is_needless(&self.session) || is_careless {
                return Ok(NextRows::Decided(rows));
            }
            rows.truncate(self.decided.count(after, rows.iter().map(|row| row.seq)));
            if !rows.is_empty() {
                return Ok(NextRows::Decided(rows));
            }
            if asked || !self.decided.ask(&self.session).await? {
                return Ok(NextRows::Blocked);
            }
            asked = true;
        }
    }

    async fn rows_after(&self, after: LedgerSeq, limit: u64) -> Result<Vec<LedgerRow>, StoreError> {
        let rows = event::Entity::find()
            .filter(event::Column::Seq.gt(after))
            .order_by_asc(event::Column::Seq)
            .limit(limit)
            .all(&self.session)
            .await?;
        Ok(rows.into_iter().map(ledger_row).collect())
    }

    /// The transactions that may add an event, for operators.
    pub async fn writers(&self) -> Result<Vec<String>, StoreError> {
        if Decided::is_needless(&self.session) {
            return Ok(Vec::new());
        }
        barrier::writer_names(&self.session).await
    }

    /// The id of the event at a ledger sequence.
    pub async fn id_at(&self, seq: LedgerSeq) -> Result<Option<Uuid>, StoreError> {
        let row = sql::fetch_one(&self.session, "SELECT id FROM events WHERE seq = $1", [seq.into()]).await?;
        row.map(|row| row.get("id")).transpose()
    }

    /// The ledger's own id.
    pub async fn ledger_id(&self) -> Result<Uuid, StoreError> {
        let row = sql::fetch_one(&self.session, "SELECT id FROM ledger", []).await?;
        row.ok_or(StoreError::Corrupt { table: "ledger", column: "id" })?.get("id")
    }

    /// The newest visible event; the default when there is none.
    pub async fn last(&self) -> Result<LedgerSeq, StoreError> {
        barrier::highest(&self.session).await
    }

    pub async fn ends(&self) -> Result<LedgerEnds, StoreError> {
        ends(&self.session).await
    }

    /// How many events that happened to accounts are behind `after`, up to `through`.
    pub async fn count_user_events(&self, after: LedgerSeq, through: LedgerSeq) -> Result<u64, StoreError> {
        let count = "SELECT count(*) AS events FROM events \
             WHERE seq > $1 AND seq <= $2 AND subject LIKE 'auth.user.%'";
        let row = sql::fetch_one(&self.session, count, [after.into(), through.into()]).await?;
        row.map_or(Ok(0), |row| Ok(row.get::<i64>("events")?.unsigned_abs()))
    }

    /// The sizes of the newest rows below `below`, newest first.
    pub async fn sizes_below(&self, below: LedgerSeq, limit: u64) -> Result<Vec<RowSize>, StoreError> {
        let sizes = format!(
            "SELECT seq, CAST(length(payload) AS BIGINT) AS bytes, occurred_at FROM events \
             WHERE seq < $1 ORDER BY seq DESC LIMIT {limit}"
        );
        let rows = sql::fetch_all(&self.session, sizes, [below.into()]).await?;
        rows.iter()
            .map(|row| {
                Ok(RowSize {
                    seq: row.get("seq")?,
                    bytes: row.get::<i64>("bytes")?.unsigned_abs(),
                    occurred_at: convert::time(row.get("occurred_at")?),
                })
            })
            .collect()
    }

    /// How far the ledger is published; `None` before the first event is.
    pub async fn position(&self) -> Result<Option<RelayPosition>, StoreError> {
        let position = "SELECT stream, created, seq, stream_seq, message_id, refill_from FROM relay_position";
        let Some(row) = sql::fetch_one(&self.session, position, []).await? else {
            return Ok(None);
        };
        let created: i64 = row.get("created")?;
        Ok(Some(RelayPosition {
            stream: row.get("stream")?,
            created: OffsetDateTime::from_unix_timestamp_nanos(created.into())
                .map_err(|_| StoreError::Corrupt { table: "relay_position", column: "created" })?,
            seq: row.get("seq")?,
            stream_seq: row.get("stream_seq")?,
            message_id: row.get("message_id")?,
            refill_from: row.get("refill_from")?,
        }))
    }

    /// Store the position. In the same stream it only moves forward.
    pub async fn save_position(&self, position: &RelayPosition, at: OffsetDateTime) -> Result<(), StoreError> {
        let _writer = self.store.writer().await?;
        save_position(&self.session, position, at).await
    }
}

pub(super) async fn ends(db: &impl ConnectionTrait) -> Result<LedgerEnds, StoreError> {
    let first = sql::fetch_one(db, "SELECT seq FROM events ORDER BY seq LIMIT 1", []).await?;
    let assigned = if Decided::is_needless(db) {
        "SELECT seq AS assigned FROM sqlite_sequence WHERE name = 'events'"
    } else {
        "SELECT CASE WHEN is_called THEN last_value ELSE last_value - 1 END AS assigned FROM events_seq_seq"
    };
    let last = barrier::highest(db).await?;
    let assigned = sql::fetch_one(db, assigned, []).await?;
    Ok(LedgerEnds {
        first: first.map(|row| row.get("seq")).transpose()?,
        last,
        assigned: assigned.map(|row| row.get("assigned")).transpose()?.unwrap_or_default(),
    })
}

pub(super) async fn save_position(
    db: &impl ConnectionTrait,
    position: &RelayPosition,
    at: OffsetDateTime,
) -> Result<(), StoreError> {
    let save = "INSERT INTO relay_position (one, stream, created, seq, stream_seq, message_id, refill_from, written_at) \
         VALUES (1, $1, $2, $3, $4, $5, $6, $7) ON CONFLICT (one) DO UPDATE SET stream = excluded.stream, \
         created = excluded.created, seq = excluded.seq, stream_seq = excluded.stream_seq, \
         message_id = excluded.message_id, refill_from = excluded.refill_from, written_at = excluded.written_at \
         WHERE relay_position.stream <> excluded.stream OR relay_position.created <> excluded.created \
         OR relay_position.seq <= excluded.seq";
    let created = i64::try_from(position.created.unix_timestamp_nanos()).unwrap_or(i64::MAX);
    let values = [
        position.stream.as_str().into(),
        created.into(),
        position.seq.into(),
        position.stream_seq.into(),
        position.message_id.clone().into(),
        position.refill_from.into(),
        convert::millis(at).into(),
    ];
    sql::execute(db, save, values).await?;
    Ok(())
}
