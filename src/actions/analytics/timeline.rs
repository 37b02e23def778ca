//! How many events happened when. For administrators.

use std::collections::HashMap;

use time::OffsetDateTime;

use crate::actions::sessions::authenticate::Identity;
use crate::actions::{Failure, Services};
use crate::store::CountFilter;

/// How long a bucket is. Buckets begin at whole hours and days of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bucket {
    /// An hour.
    Hour,
    /// A day.
    Day,
}

/// Which events, in which buckets.
#[derive(Debug, Clone, Copy)]
pub struct Input {
    /// The length of a bucket.
    pub bucket: Bucket,
    /// Only this subject.
    pub subject: Option<&'static str>,
    /// From this moment; none means as many buckets as are usually of interest.
    pub from: Option<OffsetDateTime>,
    /// To before this moment; none means now.
    pub until: Option<OffsetDateTime>,
}

/// A range of time and what happened in it.
#[derive(Debug)]
pub struct Timeline {
    /// Its beginning.
    pub from: OffsetDateTime,
    /// Its end, which is not part of it.
    pub until: OffsetDateTime,
    /// When each bucket begins and how many events of the range are in it, oldest first; buckets without events are there too.
    pub buckets: Vec<(OffsetDateTime, u64)>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Only administrators see everybody's events.
    #[error("not an administrator")]
    Forbidden,
    /// The range ends before it begins.
    #[error("the range is empty")]
    EmptyRange,
    /// More than [`MOST_BUCKETS`].
    #[error("more than {MOST_BUCKETS} buckets")]
    TooManyBuckets,
    /// Try later.
    #[error(transparent)]
    Failure(#[from] Failure),
}

/// Most buckets of one answer.
pub const MOST_BUCKETS: i64 = 1000;

impl Bucket {
    const fn hours(self) -> u32 {
        match self {
            Self::Hour => 1,
            Self::Day => 24,
        }
    }

    const fn seconds(self) -> i64 {
        self.hours() as i64 * 3600
    }

    /// What is shown when no beginning is given: two days of hours, or thirty days.
    const fn usual(self) -> i64 {
        match self {
            Self::Hour => 48,
            Self::Day => 30,
        }
    }
}

/// Counts the events of each bucket.
///
/// # Errors
/// [`Error`].
pub async fn run(services: &Services, caller: &Identity, input: Input) -> Result<Timeline, Error> {
    if !caller.user.is_admin() {
        return Err(Error::Forbidden);
    }
    let seconds = input.bucket.seconds();
    let until = input.until.unwrap_or_else(|| services.clock.now());
    // The last of the usual buckets is the one that `until` is in.
    let usual = || {
        start_of(
            (until.unix_timestamp() - 1).div_euclid(seconds) - input.bucket.usual() + 1,
            seconds,
        )
    };
    let from = input.from.unwrap_or_else(usual);
    if from >= until {
        return Err(Error::EmptyRange);
    }
    let first = from.unix_timestamp().div_euclid(seconds);
    let last = (until - time::Duration::nanoseconds(1))
        .unix_timestamp()
        .div_euclid(seconds);
    if last - first >= MOST_BUCKETS {
        return Err(Error::TooManyBuckets);
    }
    let counted = CountFilter {
        subject: input.subject,
        from: Some(from),
        until: Some(until),
    };
    let counts = services
        .store
        .ledger()
        .count_by_time(input.bucket.hours(), &counted)
        .await;
    let counts: HashMap<i64, u64> = counts.map_err(Failure::from)?.into_iter().collect();
    let bucket = |number| (start_of(number, seconds), counts.get(&number).copied().unwrap_or(0));
    Ok(Timeline {
        from,
        until,
        buckets: (first..=last).map(bucket).collect(),
    })
}

fn start_of(number: i64, seconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(number.saturating_mul(seconds)).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}
