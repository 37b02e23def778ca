//! The ledger (table `events`) as the relay and the housekeeping jobs use it.

use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::ids::{LedgerSeq, UserSeq};
use crate::store::entities::event;
use crate::store::{Store, StoreError, convert, sql};

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

/// What a step of deletion may delete.
#[derive(Debug, Clone, Copy)]
pub struct Prune {
    /// Only what happened before this moment.
    pub before: OffsetDateTime,
    pub now: OffsetDateTime,
    /// Only what is behind this event: the last one that the step before has deleted, so that the
    /// database does not look for the first one among those.
    pub after: LedgerSeq,
}

/// The result of one step of deletion.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DeletedEvents {
    pub deleted: u64,
    /// The last one of them, or of the steps before.
    pub through: LedgerSeq,
    /// Whether there may be further ones; none when the rest is too recent.
    pub more: bool,
}

/// The unpublished events.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Backlog {
    pub pending: u64,
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

    /// Whether other instances may add events.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        !self.0.is_sqlite()
    }

    /// Every event up to here is published; the default when none is.
    pub async fn published_through(&self) -> Result<LedgerSeq, StoreError> {
        published_through(self.0.db()).await
    }

    /// The unpublished events, counted up to [`MAX_COUNTED`].
    pub async fn backlog(&self) -> Result<Backlog, StoreError> {
        // This runs every few seconds, also in an outage, so the work is bounded for any number of
        // events.
        let after = self.published_through().await?;
        let counts = format!(
            "SELECT (SELECT count(*) FROM (SELECT 1 FROM events \
             WHERE seq > $1 LIMIT {MAX_COUNTED}) AS waiting) AS pending, \
             (SELECT occurred_at FROM events WHERE seq > $1 ORDER BY seq LIMIT 1) AS oldest"
        );
        let Some(row) = sql::fetch_one(self.0.db(), counts, [after.into()]).await? else {
            return Ok(Backlog::default());
        };
        Ok(Backlog {
            pending: row.get::<i64>("pending")?.unsigned_abs(),
            oldest: row.get::<Option<i64>>("oldest")?.map(convert::time),
        })
    }

    /// Delete the oldest events that are published and happened before `before`, at most `limit`.
    /// The configuration keeps `before` behind the age limit of the stream, so that what the stream
    /// holds is in the ledger. An event of the future, which a wrong clock has dated, does not keep
    /// those behind it.
    pub async fn delete_published(&self, prune: Prune, limit: u64) -> Result<DeletedEvents, StoreError> {
        let published = self.published_through().await?;
        let (before, now) = (convert::millis(prune.before), convert::millis(prune.now));
        let oldest = event::Entity::find()
            .select_only()
            .columns([event::Column::Seq, event::Column::OccurredAt])
            .filter(event::Column::Seq.gt(prune.after))
            .filter(event::Column::Seq.lte(published))
            .order_by_asc(event::Column::Seq)
            .limit(limit)
            .into_tuple::<(LedgerSeq, i64)>()
            .all(self.0.db())
            .await?;
        let read = u64::try_from(oldest.len()).unwrap_or(u64::MAX);
        let old = oldest.iter().take_while(|(_, at)| *at < before || *at > now);
        let Some((last, _)) = old.filter(|(_, at)| *at < before).last() else {
            return Ok(DeletedEvents { through: prune.after, ..DeletedEvents::default() });
        };
        let delete = "DELETE FROM events WHERE seq > $1 AND seq <= $2";
        let deleted = self.0.write(delete, [prune.after.into(), (*last).into()]).await?;
        Ok(DeletedEvents {
            deleted,
            through: *last,
            more: read == limit && deleted == limit,
        })
    }

    pub(in crate::store) const fn store(&self) -> &Store {
        &self.0
    }
}

pub(super) async fn published_through(db: &impl ConnectionTrait) -> Result<LedgerSeq, StoreError> {
    let row = sql::fetch_one(db, "SELECT seq FROM relay_position", []).await?;
    row.map_or_else(|| Ok(LedgerSeq::default()), |row| row.get("seq"))
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
