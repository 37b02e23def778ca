//! How many events there were. Whole hours are counted once, in the background, in the order of the ledger and never beyond what
//! is [decided](crate::store::Ledger::decided); the rest is counted when somebody asks: the parts of hours at the ends of the range, and
//! what the mark has not passed yet. One statement sees all of it at one moment, so that nothing is counted twice (ADR 0013).

use sea_orm::{ConnectionTrait as _, Statement, Value};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::ids::{EventId, UserId};
use crate::store::{Ledger, StoreError, convert};

/// An hour in milliseconds.
const HOUR_MILLIS: i64 = 3_600_000;
/// Most places of the ledger that one transaction counts.
const SCAN_CHUNK: i64 = 20_000;
/// How often a count is tried again because the mark moved meanwhile.
const MAX_ATTEMPTS: u32 = 10;

/// Every subject in the ledger: a few steps through the index, however many events there are.
const SUBJECTS: &str = "subjects(subject) AS (SELECT min(subject) FROM events UNION ALL \
     SELECT (SELECT min(e.subject) FROM events e WHERE e.subject > s.subject) FROM subjects s WHERE s.subject IS NOT NULL)";

/// Which events are counted.
#[derive(Debug, Clone, Copy, Default)]
pub struct CountFilter {
    /// With this subject.
    pub subject: Option<&'static str>,
    /// That happened at this moment or later.
    pub from: Option<OffsetDateTime>,
    /// That happened before this moment.
    pub until: Option<OffsetDateTime>,
}

/// How many events there are about one user.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserCounts {
    /// By subject.
    pub subjects: Vec<(String, u64)>,
    /// When the first one happened.
    pub first: Option<OffsetDateTime>,
    /// When the last one happened.
    pub last: Option<OffsetDateTime>,
}

impl Ledger {
    /// Counts the next events of the ledger into their hours; true when there is more to count.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn roll_up_counts(&self) -> Result<bool, StoreError> {
        let decided = self.high_watermark().await?;
        let mark = self.mark().await?;
        if mark >= decided {
            return Ok(false);
        }
        let next = decided.min(mark.saturating_add(SCAN_CHUNK));
        let _writer = self.store().writer().await?;
        let tx = self.store().db().begin().await?;
        // Whoever moves the mark counts; another instance that was faster has done it.
        let moved = format!("UPDATE event_counts_mark SET seq = {next} WHERE id = 1 AND seq = {mark}");
        if tx.execute_unprepared(&moved).await?.rows_affected() == 0 {
            tx.rollback().await?;
            return Ok(true);
        }
        let count = format!(
            "INSERT INTO event_counts (hour, subject, events) \
             SELECT occurred_at / {HOUR_MILLIS}, subject, count(*) FROM events WHERE seq > {mark} AND seq <= {next} GROUP BY 1, 2 \
             ON CONFLICT (hour, subject) DO UPDATE SET events = event_counts.events + excluded.events"
        );
        tx.execute_unprepared(&count).await?;
        tx.commit().await?;
        Ok(next < decided)
    }

    /// Forgets the counts of hours that ended before `before`.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn prune_counts(&self, before: OffsetDateTime) -> Result<u64, StoreError> {
        let hour = convert::millis(before).div_euclid(HOUR_MILLIS);
        self.store()
            .write(&format!("DELETE FROM event_counts WHERE hour < {hour}"))
            .await
    }

    /// The number of events of each subject.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn count_by_subject(&self, counted: &CountFilter) -> Result<Vec<(String, u64)>, StoreError> {
        self.count("subject", counted).await
    }

    /// The number of events of each bucket of so many hours, by the bucket's number since the Unix epoch; empty buckets are absent.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn count_by_time(&self, hours: u32, counted: &CountFilter) -> Result<Vec<(i64, u64)>, StoreError> {
        self.count(&format!("hour / {hours}"), counted).await
    }

    /// How many events there are about a user.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn count_of_user(&self, user: UserId) -> Result<UserCounts, StoreError> {
        const EDGE: &str = "SELECT occurred_at FROM events WHERE user_id = $1 ORDER BY id";
        let sql = format!(
            "SELECT subject, count(*) AS events, ({EDGE} LIMIT 1) AS first, ({EDGE} DESC LIMIT 1) AS last \
             FROM events WHERE user_id = $1 GROUP BY subject"
        );
        let db = self.store().db();
        let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, [user.as_uuid().into()]);
        let mut counts = UserCounts::default();
        for row in db.query_all_raw(statement).await? {
            let events: i64 = row.try_get("", "events")?;
            counts
                .subjects
                .push((row.try_get("", "subject")?, events.unsigned_abs()));
            counts.first = row.try_get::<Option<i64>>("", "first")?.map(convert::time);
            counts.last = row.try_get::<Option<i64>>("", "last")?.map(convert::time);
        }
        Ok(counts)
    }

    async fn mark(&self) -> Result<i64, StoreError> {
        let db = self.store().db();
        let sql = "SELECT seq FROM event_counts_mark WHERE id = 1";
        let row = db
            .query_one_raw(Statement::from_string(db.get_database_backend(), sql))
            .await?;
        Ok(row.map(|row| row.try_get("", "seq")).transpose()?.unwrap_or(0))
    }

    async fn count<K: sea_orm::TryGetable>(
        &self,
        key: &str,
        counted: &CountFilter,
    ) -> Result<Vec<(K, u64)>, StoreError> {
        let db = self.store().db();
        let mut tries = 0;
        loop {
            // Known beforehand, the mark is a number that the planner can judge; a mark that moved meanwhile shows in the answer.
            let mark = self.mark().await?;
            let (parts, values) = parts(counted, mark);
            if parts.is_empty() {
                return Ok(Vec::new());
            }
            let sql = format!(
                "WITH RECURSIVE {SUBJECTS} SELECT {key} AS key, CAST(sum(events) AS BIGINT) AS events, \
                 (SELECT seq FROM event_counts_mark WHERE id = 1) AS mark FROM ({parts}) AS parts \
                 WHERE events > 0 GROUP BY 1"
            );
            let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
            let rows = db.query_all_raw(statement).await?;
            tries += 1;
            let seen: Option<i64> = rows.first().map(|row| row.try_get("", "mark")).transpose()?;
            if seen.is_some_and(|seen| seen != mark) && tries < MAX_ATTEMPTS {
                continue;
            }
            return rows
                .iter()
                .map(|row| {
                    Ok((
                        row.try_get("", "key")?,
                        row.try_get::<i64>("", "events")?.unsigned_abs(),
                    ))
                })
                .collect();
        }
    }
}

/// The parts of a count as `hour, subject, events`, and their values. Numbers and the catalogue's own subjects are written out.
fn parts(counted: &CountFilter, mark: i64) -> (String, Vec<Value>) {
    let range = Range::of(counted);
    let subject = counted
        .subject
        .map(|subject| format!(" AND subject = '{subject}'"))
        .unwrap_or_default();
    let mut parts = Vec::new();
    let mut values: Vec<Value> = Vec::new();
    if let Some((first, end)) = range.hours {
        let (since, until) = (first.saturating_mul(HOUR_MILLIS), end.saturating_mul(HOUR_MILLIS));
        parts.push(format!(
            "SELECT hour, subject, events FROM event_counts WHERE hour >= {first} AND hour < {end}{subject}"
        ));
        parts.push(format!(
            "SELECT occurred_at / {HOUR_MILLIS} AS hour, subject, count(*) AS events FROM events \
             WHERE seq > {mark} AND occurred_at >= {since} AND occurred_at < {until}{subject} GROUP BY 1, 2"
        ));
    }
    for (since, until) in range.ends {
        values.extend([bound(since).into(), bound(until).into()]);
        let (low, high) = (values.len() - 1, values.len());
        let hour = since / HOUR_MILLIS;
        parts.push(format!(
            "SELECT CAST({hour} AS BIGINT) AS hour, s.subject, (SELECT count(*) FROM events e WHERE e.subject = s.subject \
             AND e.id >= ${low} AND e.id < ${high}) AS events FROM subjects s WHERE s.subject IS NOT NULL{}",
            subject.replace("subject =", "s.subject =")
        ));
    }
    (parts.join(" UNION ALL "), values)
}

/// A range of time in whole hours and what is left at its ends.
#[derive(Debug, PartialEq, Eq)]
struct Range {
    /// From an hour to before another.
    hours: Option<(i64, i64)>,
    /// Parts of hours, in milliseconds; each within one hour.
    ends: Vec<(i64, i64)>,
}

impl Range {
    fn of(counted: &CountFilter) -> Self {
        // An event has whole milliseconds: it is not before a moment within one.
        let millis =
            |at: OffsetDateTime| convert::millis(at.saturating_add(time::Duration::nanoseconds(999_999))).max(0);
        let from = counted.from.map_or(0, millis);
        let until = counted.until.map_or(i64::MAX / HOUR_MILLIS * HOUR_MILLIS, millis);
        let first = from.saturating_add(HOUR_MILLIS - 1) / HOUR_MILLIS;
        let end = until / HOUR_MILLIS;
        let mut ends = Vec::new();
        // The part of an hour before the first whole one, and the part behind the last.
        ends.push((from, until.min(first.saturating_mul(HOUR_MILLIS))));
        ends.push((from.max(end.saturating_mul(HOUR_MILLIS)), until));
        ends.retain(|(since, until)| since < until);
        ends.dedup();
        Self {
            hours: (first < end).then_some((first, end)),
            ends,
        }
    }
}

fn bound(millis: i64) -> Uuid {
    EventId::first_at(convert::time(millis)).as_uuid()
}

#[cfg(test)]
mod tests {
    use super::{CountFilter, HOUR_MILLIS, Range, convert};

    fn range(from: i64, until: i64) -> Range {
        Range::of(&CountFilter {
            subject: None,
            from: Some(convert::time(from)),
            until: Some(convert::time(until)),
        })
    }

    #[test]
    fn a_range_is_whole_hours_and_what_is_left() {
        let cases = [
            (2 * HOUR_MILLIS, 5 * HOUR_MILLIS, Some((2, 5)), vec![]),
            (
                2 * HOUR_MILLIS + 1,
                5 * HOUR_MILLIS - 1,
                Some((3, 4)),
                vec![
                    (2 * HOUR_MILLIS + 1, 3 * HOUR_MILLIS),
                    (4 * HOUR_MILLIS, 5 * HOUR_MILLIS - 1),
                ],
            ),
            (
                2 * HOUR_MILLIS,
                2 * HOUR_MILLIS + 7,
                None,
                vec![(2 * HOUR_MILLIS, 2 * HOUR_MILLIS + 7)],
            ),
            (
                2 * HOUR_MILLIS + 3,
                2 * HOUR_MILLIS + 7,
                None,
                vec![(2 * HOUR_MILLIS + 3, 2 * HOUR_MILLIS + 7)],
            ),
            (
                2 * HOUR_MILLIS + 3,
                3 * HOUR_MILLIS,
                None,
                vec![(2 * HOUR_MILLIS + 3, 3 * HOUR_MILLIS)],
            ),
            (
                3 * HOUR_MILLIS - 1,
                3 * HOUR_MILLIS + 1,
                None,
                vec![
                    (3 * HOUR_MILLIS - 1, 3 * HOUR_MILLIS),
                    (3 * HOUR_MILLIS, 3 * HOUR_MILLIS + 1),
                ],
            ),
        ];
        for (from, until, hours, ends) in cases {
            assert_eq!(range(from, until), Range { hours, ends }, "{from} to {until}");
        }
        let all = Range::of(&CountFilter::default());
        assert!(all.hours.is_some_and(|(first, end)| first == 0 && end > 1_000_000) && all.ends.is_empty());
    }
}
