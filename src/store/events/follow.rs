//! The ledger in its own order, for readers who follow it.

use std::sync::Arc;

use sea_orm::{ConnectionTrait as _, Statement, Value};
use time::OffsetDateTime;
use tokio::sync::watch;

use crate::domain::ids::EventId;
use crate::store::{Ledger, StoreError, convert};

/// How far the clocks of two instances may be apart, with the length of a transaction: the order of `seq` and the order of times
/// differ by no more.
const MAX_CLOCK_SKEW: time::Duration = time::Duration::minutes(1);

/// Events by time among which the lowest `seq` is looked for.
const SCAN_CHUNK: u64 = 1000;

/// Which of the events a follower gets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FollowFilter {
    /// Only this subject.
    pub subject: Option<&'static str>,
    /// Only what happened at this moment or later.
    pub from: Option<OffsetDateTime>,
}

/// An event in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FollowedEvent {
    /// Its place in the ledger.
    pub seq: i64,
    /// The subject it is published on.
    pub subject: String,
    /// The exact bytes that are published.
    pub payload: Vec<u8>,
}

/// A batch of the ledger.
#[derive(Debug, Default)]
pub struct EventBatch {
    /// The chosen events, in order.
    pub events: Vec<FollowedEvent>,
    /// How far this batch reaches: where the next one begins.
    pub reached: i64,
    /// Whether there is more already.
    pub more: bool,
}

/// The batch that was last read at the end of the ledger: many followers wait there for the same one.
pub(in crate::store) struct LatestBatch {
    asked: (i64, FollowFilter, u64),
    batch: Arc<EventBatch>,
}

impl LatestBatch {
    fn answers(&self, asked: (i64, FollowFilter, u64), decided: i64) -> bool {
        self.asked == asked && (self.batch.more || self.batch.reached >= decided)
    }
}

impl Ledger {
    /// Changes with every commit of this instance that recorded an event.
    #[must_use]
    pub fn commits(&self) -> watch::Receiver<u64> {
        self.store().0.commits.subscribe()
    }

    /// The next events behind `after`, of at most `limit` that are looked at, none of them beyond what is [decided](Self::high_watermark).
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn events_after(
        &self,
        after: i64,
        chosen: FollowFilter,
        limit: u64,
    ) -> Result<Arc<EventBatch>, StoreError> {
        let decided = self.high_watermark().await?;
        if decided <= after {
            return Ok(Arc::new(EventBatch {
                reached: after,
                ..EventBatch::default()
            }));
        }
        let asked = (after, chosen, limit);
        let mut latest = self.store().0.latest.lock().await;
        match &*latest {
            Some(latest) if latest.answers(asked, decided) => return Ok(Arc::clone(&latest.batch)),
            // Who is further back reads for itself, and keeps nobody waiting.
            Some(latest) if latest.asked.0 > after => {}
            _ => {
                let batch = Arc::new(self.read_after(asked, decided).await?);
                *latest = Some(LatestBatch {
                    asked,
                    batch: Arc::clone(&batch),
                });
                return Ok(batch);
            }
        }
        drop(latest);
        Ok(Arc::new(self.read_after(asked, decided).await?))
    }

    async fn read_after(
        &self,
        (after, chosen, limit): (i64, FollowFilter, u64),
        decided: i64,
    ) -> Result<EventBatch, StoreError> {
        let mut values: Vec<Value> = vec![after.into(), decided.into()];
        let mut conditions = vec!["TRUE".to_owned()];
        if let Some(subject) = chosen.subject {
            values.push(subject.into());
            conditions.push(format!("subject = ${}", values.len()));
        }
        if let Some(from) = chosen.from {
            values.push(convert::millis(from).into());
            conditions.push(format!("occurred_at >= ${}", values.len()));
        }
        // Every row is passed, so that a rare subject is not looked for without end; only the chosen ones are carried.
        let sql = format!(
            "SELECT seq, subject, CASE WHEN {} THEN payload END AS payload FROM events \
             WHERE seq > $1 AND seq <= $2 ORDER BY seq LIMIT {limit}",
            conditions.join(" AND ")
        );
        let db = self.store().db();
        let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
        let rows = db.query_all_raw(statement).await?;
        let more = u64::try_from(rows.len()) == Ok(limit);
        let mut batch = EventBatch {
            reached: decided,
            more,
            ..EventBatch::default()
        };
        for row in rows {
            let seq = row.try_get("", "seq")?;
            if more {
                batch.reached = seq;
            }
            if let Some(payload) = row.try_get("", "payload")? {
                let subject = row.try_get("", "subject")?;
                batch.events.push(FollowedEvent { seq, subject, payload });
            }
        }
        Ok(batch)
    }

    /// A place such that every event of `from` or later that can be seen is behind it.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn seq_before(&self, from: OffsetDateTime) -> Result<i64, StoreError> {
        let decided = self.high_watermark().await?;
        let sql = format!(
            "SELECT min(seq) AS seq FROM (SELECT seq FROM events WHERE id >= $1 ORDER BY id LIMIT {SCAN_CHUNK}) AS first"
        );
        let earliest = EventId::first_at(from.saturating_sub(MAX_CLOCK_SKEW)).as_uuid();
        let db = self.store().db();
        let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, [earliest.into()]);
        let row = db.query_one_raw(statement).await?;
        let first: Option<i64> = row.map(|row| row.try_get("", "seq")).transpose()?.flatten();
        Ok(first.map_or(decided, |seq| decided.min(seq - 1)))
    }

    /// Whether the ledger has come as far as `seq`. A place beyond its end belongs to another ledger, or to one that was lost.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn has_reached(&self, seq: i64) -> Result<bool, StoreError> {
        Ok(seq <= self.high_watermark().await? || seq <= self.highest().await?)
    }
}
