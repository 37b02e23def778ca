//! Reads the ledger in its order, for followers.

use std::sync::Arc;

use sea_orm::Value;
use time::OffsetDateTime;
use tokio::sync::watch;

use crate::domain::ids::{EventId, LedgerSeq};
use crate::store::{Ledger, StoreError, convert, sql};

/// The largest difference between the clocks of two instances plus the length of a transaction. The
/// order of `seq` and the order of times differ by no more.
const MAX_CLOCK_SKEW: time::Duration = time::Duration::minutes(1);

/// Events, in the order of time, among which the lowest `seq` is searched.
const SCAN_CHUNK: u64 = 1000;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FollowFilter {
    pub subject: Option<&'static str>,
    /// Inclusive.
    pub from: Option<OffsetDateTime>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FollowedEvent {
    pub seq: LedgerSeq,
    pub subject: String,
    /// The exact bytes that are published.
    pub payload: Vec<u8>,
}

/// A batch of the ledger.
#[derive(Debug, Default)]
pub struct EventBatch {
    pub events: Vec<FollowedEvent>,
    /// Where the next batch begins.
    pub reached: LedgerSeq,
    /// Whether there are more events now.
    pub more: bool,
}

/// The latest batch at the end of the ledger, where many followers wait for the same one.
pub(in crate::store) struct LatestBatch {
    query: (LedgerSeq, FollowFilter, u64),
    batch: Arc<EventBatch>,
}

impl LatestBatch {
    fn answers(&self, query: (LedgerSeq, FollowFilter, u64), high_watermark: LedgerSeq) -> bool {
        self.query == query && (self.batch.more || self.batch.reached >= high_watermark)
    }
}

impl Ledger {
    /// Changes with every commit of this instance that recorded an event.
    #[must_use]
    pub fn commits(&self) -> watch::Receiver<u64> {
        self.store().0.commits.subscribe()
    }

    /// Read `limit` rows after `after`, up to the [high watermark](Self::high_watermark), and
    /// return those that match.
    pub async fn events_after(
        &self,
        after: LedgerSeq,
        filter: FollowFilter,
        limit: u64,
    ) -> Result<Arc<EventBatch>, StoreError> {
        let high_watermark = self.high_watermark().await?;
        if high_watermark <= after {
            return Ok(Arc::new(EventBatch { reached: after, ..EventBatch::default() }));
        }
        let query = (after, filter, limit);
        let mut latest = self.store().0.latest.lock().await;
        match &*latest {
            Some(latest) if latest.answers(query, high_watermark) => return Ok(Arc::clone(&latest.batch)),
            // A follower further back reads for itself, and does not hold up the others.
            Some(latest) if latest.query.0 > after => {}
            _ => {
                let batch = Arc::new(self.read_after(query, high_watermark).await?);
                *latest = Some(LatestBatch { query, batch: Arc::clone(&batch) });
                return Ok(batch);
            }
        }
        drop(latest);
        Ok(Arc::new(self.read_after(query, high_watermark).await?))
    }

    async fn read_after(
        &self,
        (after, filter, limit): (LedgerSeq, FollowFilter, u64),
        high_watermark: LedgerSeq,
    ) -> Result<EventBatch, StoreError> {
        let mut values: Vec<Value> = vec![after.into(), high_watermark.into()];
        let mut conditions = vec!["TRUE".to_owned()];
        if let Some(subject) = filter.subject {
            values.push(subject.into());
            conditions.push(format!("subject = ${}", values.len()));
        }
        if let Some(from) = filter.from {
            values.push(convert::millis(from).into());
            conditions.push(format!("occurred_at >= ${}", values.len()));
        }
        // The limit counts all rows, so that the search for a rare subject is bounded; only
        // matching payloads are read.
        let read = format!(
            "SELECT seq, subject, CASE WHEN {} THEN payload END AS payload FROM events \
             WHERE seq > $1 AND seq <= $2 ORDER BY seq LIMIT {limit}",
            conditions.join(" AND ")
        );
        let rows = sql::fetch_all(self.store().db(), read, values).await?;
        let more = u64::try_from(rows.len()) == Ok(limit);
        let mut batch = EventBatch { reached: high_watermark, more, ..EventBatch::default() };
        for row in rows {
            let seq = row.get("seq")?;
            if more {
                batch.reached = seq;
            }
            if let Some(payload) = row.get("payload")? {
                let subject = row.get("subject")?;
                batch.events.push(FollowedEvent { seq, subject, payload });
            }
        }
        Ok(batch)
    }

    /// A ledger sequence that every visible event at `from` or later comes after.
    pub async fn seq_before(&self, from: OffsetDateTime) -> Result<LedgerSeq, StoreError> {
        let high_watermark = self.high_watermark().await?;
        let lowest = format!(
            "SELECT min(seq) AS seq FROM (\
             SELECT seq FROM events WHERE id >= $1 ORDER BY id LIMIT {SCAN_CHUNK}) AS first"
        );
        let earliest = EventId::first_at(from.saturating_sub(MAX_CLOCK_SKEW)).as_uuid();
        let row = sql::fetch_one(self.store().db(), lowest, [earliest.into()]).await?;
        let first: Option<LedgerSeq> = row.map(|row| row.get("seq")).transpose()?.flatten();
        Ok(first.map_or(high_watermark, |seq| high_watermark.min(seq.saturating_sub(1))))
    }

    /// A ledger sequence that no visible event before `until` comes after.
    pub async fn seq_until(&self, until: OffsetDateTime) -> Result<LedgerSeq, StoreError> {
        let highest = format!(
            "SELECT max(seq) AS seq FROM (\
             SELECT seq FROM events WHERE id < $1 ORDER BY id DESC LIMIT {SCAN_CHUNK}) AS last"
        );
        let latest = EventId::first_at(until.saturating_add(MAX_CLOCK_SKEW)).as_uuid();
        let row = sql::fetch_one(self.store().db(), highest, [latest.into()]).await?;
        let last: Option<LedgerSeq> = row.map(|row| row.get("seq")).transpose()?.flatten();
        Ok(last.unwrap_or_default())
    }

    /// Whether the ledger has reached `seq`. A sequence beyond its end is of another ledger, or of
    /// one that was lost.
    pub async fn has_reached(&self, seq: LedgerSeq) -> Result<bool, StoreError> {
        Ok(seq <= self.high_watermark().await? || seq <= self.highest().await?)
    }
}
