//! Counts events. A background job counts whole hours once, in ledger order and never beyond the
//! [high watermark](crate::store::Ledger::high_watermark). A query adds the partial hours at the
//! ends of its range, and the events after the mark that the job has reached. One statement sees
//! all of it at one moment, so no event is counted twice (ADR 0013).

use sea_orm::{TryGetable, Value};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::ids::{EventId, LedgerSeq, UserId};
use crate::store::{Ledger, StoreError, SystemTx, convert, sql};

const HOUR_MILLIS: i64 = 3_600_000;
/// Ledger sequences that one transaction counts.
const ROLL_UP_CHUNK: i64 = 20_000;
/// All subjects in the ledger: a few steps through the index, for any number of events.
const SUBJECTS: &str = "subjects(subject) AS (SELECT min(subject) FROM events UNION ALL \
     SELECT (SELECT min(e.subject) FROM events e WHERE e.subject > s.subject) \
     FROM subjects s WHERE s.subject IS NOT NULL)";

#[derive(Debug, Clone, Copy, Default)]
pub struct CountFilter {
    pub subject: Option<&'static str>,
    /// Inclusive.
    pub from: Option<OffsetDateTime>,
    /// Exclusive.
    pub until: Option<OffsetDateTime>,
}

/// The number of events about one user.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserCounts {
    /// The number of events by subject.
    pub subjects: Vec<(String, u64)>,
    pub first: Option<OffsetDateTime>,
    pub last: Option<OffsetDateTime>,
}

impl Ledger {
    /// Count the next events of the ledger into their hours; true when more are left.
    pub async fn roll_up_counts(&self) -> Result<bool, StoreError> {
        let high_watermark = self.high_watermark().await?;
        let mark = self.mark().await?;
        if mark >= high_watermark {
            return Ok(false);
        }
        let next = high_watermark.min(mark.saturating_add(ROLL_UP_CHUNK));
        let _writer = self.store().writer().await?;
        let tx = self.store().db().begin().await?;
        // The instance that moves the mark counts. If the mark has moved, another instance was
        // faster.
        let advance = format!("UPDATE event_counts_mark SET seq = {next} WHERE id = 1 AND seq = {mark}");
        if sql::execute_unprepared(&tx, &advance).await? == 0 {
            tx.rollback().await?;
            return Ok(true);
        }
        let count = format!(
            "INSERT INTO event_counts (hour, subject, events) \
             SELECT occurred_at / {HOUR_MILLIS}, subject, count(*) FROM events \
             WHERE seq > {mark} AND seq <= {next} GROUP BY 1, 2 \
             ON CONFLICT (hour, subject) DO UPDATE SET events = event_counts.events + excluded.events"
        );
        sql::execute_unprepared(&tx, &count).await?;
        tx.commit().await?;
        Ok(next < high_watermark)
    }

    /// Delete the counts of hours that ended before `before`.
    pub async fn delete_counts_before(&self, before: OffsetDateTime) -> Result<u64, StoreError> {
        let hour = convert::millis(before).div_euclid(HOUR_MILLIS);
        self.store()
            .write_unprepared(&format!("DELETE FROM event_counts WHERE hour < {hour}"))
            .await
    }

    /// The number of events of each subject.
    pub async fn count_by_subject(&self, counted: &CountFilter) -> Result<Vec<(String, u64)>, StoreError> {
        self.count("subject", counted).await
    }

    /// The number of events in buckets of `hours`, by the bucket's number since the Unix epoch.
    /// Empty buckets are absent.
    pub async fn count_by_time(&self, hours: u32, counted: &CountFilter) -> Result<Vec<(i64, u64)>, StoreError> {
        self.count(&format!("hour / {hours}"), counted).await
    }

    pub async fn user_counts(&self, user: UserId) -> Result<UserCounts, StoreError> {
        const EDGE: &str = "SELECT occurred_at FROM events WHERE user_id = $1 ORDER BY id";
        let by_subject = format!(
            "SELECT subject, count(*) AS events, ({EDGE} LIMIT 1) AS first, ({EDGE} DESC LIMIT 1) AS last \
             FROM events WHERE user_id = $1 GROUP BY subject"
        );
        let mut counts = UserCounts::default();
        for row in sql::fetch_all(self.store().db(), by_subject, [user.as_uuid().into()]).await? {
            let events: i64 = row.get("events")?;
            counts.subjects.push((row.get("subject")?, events.unsigned_abs()));
            counts.first = row.get::<Option<i64>>("first")?.map(convert::time);
            counts.last = row.get::<Option<i64>>("last")?.map(convert::time);
        }
        Ok(counts)
    }

    async fn mark(&self) -> Result<LedgerSeq, StoreError> {
        let mark = "SELECT seq FROM event_counts_mark WHERE id = 1";
        let row = sql::fetch_one(self.store().db(), mark, []).await?;
        row.map_or_else(|| Ok(LedgerSeq::default()), |row| row.get("seq"))
    }

    async fn count<K: TryGetable>(&self, key: &str, filter: &CountFilter) -> Result<Vec<(K, u64)>, StoreError> {
        // As a number in the text the planner can judge the mark. If the mark moves before the
        // query runs, the result says so, and it runs again with the mark that it sees itself.
        let mark = self.mark().await?;
        let mut rows = self.count_after(key, filter, &mark.to_string()).await?;
        let seen: Option<LedgerSeq> = rows.first().map(|row| row.get("mark")).transpose()?;
        if seen.is_some_and(|seen| seen != mark) {
            rows = self.count_after(key, filter, "(SELECT seq FROM mark)").await?;
        }
        let counts = rows.iter().map(|row| Ok((row.get("key")?, row.get::<i64>("events")?.unsigned_abs())));
        counts.collect()
    }

    async fn count_after(&self, key: &str, filter: &CountFilter, mark: &str) -> Result<Vec<sql::Row>, StoreError> {
        let (parts, values) = parts(filter, mark);
        if parts.is_empty() {
            return Ok(Vec::new());
        }
        let count = format!(
            "WITH RECURSIVE mark AS (SELECT seq FROM event_counts_mark WHERE id = 1), {SUBJECTS} \
             SELECT {key} AS key, CAST(sum(events) AS BIGINT) AS events, (SELECT seq FROM mark) AS mark \
             FROM ({parts}) AS parts WHERE events > 0 GROUP BY 1"
        );
        sql::fetch_all(self.store().db(), count, values).await
    }
}

impl SystemTx<'_> {
    /// Take the events from `first` on out of the counts, so that they are counted at the places
    /// they get.
    pub(in crate::store) async fn uncount_from(&mut self, first: LedgerSeq) -> Result<(), StoreError> {
        let counted = format!("SELECT 1 FROM event_counts_mark WHERE seq >= {first}");
        if sql::fetch_one(&self.core.db, counted, []).await?.is_none() {
            return Ok(());
        }
        let range = format!("seq >= {first} AND seq <= (SELECT seq FROM event_counts_mark)");
        let uncount = format!(
            "UPDATE event_counts SET events = events - (SELECT count(*) FROM events AS e WHERE {range} \
             AND e.subject = event_counts.subject AND e.occurred_at / {HOUR_MILLIS} = event_counts.hour) \
             WHERE hour >= (SELECT min(occurred_at) / {HOUR_MILLIS} FROM events WHERE {range})"
        );
        sql::execute_unprepared(&self.core.db, &uncount).await?;
        let mark = format!("UPDATE event_counts_mark SET seq = {}", first.saturating_sub(1));
        sql::execute_unprepared(&self.core.db, &mark).await?;
        Ok(())
    }
}

/// The parts of a count as `hour, subject, events`, and their values. Numbers and the subjects of
/// the catalogue are in the text.
fn parts(filter: &CountFilter, mark: &str) -> (String, Vec<Value>) {
    let range = Range::of(filter);
    let subject = filter.subject.map(|subject| format!(" AND subject = '{subject}'")).unwrap_or_default();
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
            "SELECT CAST({hour} AS BIGINT) AS hour, s.subject, (\
             SELECT count(*) FROM events e WHERE e.subject = s.subject \
             AND e.id >= ${low} AND e.id < ${high}) AS events FROM subjects s WHERE s.subject IS NOT NULL{}",
            subject.replace("subject =", "s.subject =")
        ));
    }
    (parts.join(" UNION ALL "), values)
}

/// A range of time, as whole hours and the partial hours at its ends.
#[derive(Debug, PartialEq, Eq)]
struct Range {
    /// The end is exclusive.
    hours: Option<(i64, i64)>,
    /// Partial hours, in milliseconds, each within one hour.
    ends: Vec<(i64, i64)>,
}

impl Range {
    fn of(filter: &CountFilter) -> Self {
        // Events have whole milliseconds: an event is not before a moment within its millisecond.
        let millis =
            |at: OffsetDateTime| convert::millis(at.saturating_add(time::Duration::nanoseconds(999_999))).max(0);
        let from = filter.from.map_or(0, millis);
        let until = filter.until.map_or(i64::MAX / HOUR_MILLIS * HOUR_MILLIS, millis);
        let first = from.saturating_add(HOUR_MILLIS - 1) / HOUR_MILLIS;
        let end = until / HOUR_MILLIS;
        let mut ends = Vec::new();
        // The partial hour before the first whole hour, and the one after the last.
        ends.push((from, until.min(first.saturating_mul(HOUR_MILLIS))));
        ends.push((from.max(end.saturating_mul(HOUR_MILLIS)), until));
        ends.retain(|(since, until)| since < until);
        ends.dedup();
        Self { hours: (first < end).then_some((first, end)), ends }
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
            (2 * HOUR_MILLIS, 2 * HOUR_MILLIS + 7, None, vec![(2 * HOUR_MILLIS, 2 * HOUR_MILLIS + 7)]),
            (
                2 * HOUR_MILLIS + 3,
                2 * HOUR_MILLIS + 7,
                None,
                vec![(2 * HOUR_MILLIS + 3, 2 * HOUR_MILLIS + 7)],
            ),
            (2 * HOUR_MILLIS + 3, 3 * HOUR_MILLIS, None, vec![(2 * HOUR_MILLIS + 3, 3 * HOUR_MILLIS)]),
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
