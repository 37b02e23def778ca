//! Counts events over time, for administrators.

use std::collections::HashMap;

use time::OffsetDateTime;

use crate::actions::ActionError::{self, Refused};
use crate::actions::Context;
use crate::actions::sessions::authenticate::Identity;
use crate::store::CountFilter;

/// Most buckets of one timeline.
pub const MAX_BUCKETS: i64 = 1000;

/// The length of a bucket. Buckets begin at whole hours or days of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bucket {
    Hour,
    Day,
}

#[derive(Debug, Clone, Copy)]
pub struct Input {
    pub bucket: Bucket,
    /// Only events of this subject.
    pub subject: Option<&'static str>,
    /// The start of the range; `None` for the default number of buckets before its end.
    pub from: Option<OffsetDateTime>,
    /// The end of the range, exclusive; `None` for now.
    pub until: Option<OffsetDateTime>,
}

#[derive(Debug)]
pub struct Timeline {
    pub from: OffsetDateTime,
    /// Exclusive.
    pub until: OffsetDateTime,
    /// The start of each bucket and the number of its events within the range; oldest first, empty
    /// buckets included.
    pub buckets: Vec<(OffsetDateTime, u64)>,
}

#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("the caller is not an administrator")]
    NotAdmin,
    #[error("the range ends before it begins")]
    EmptyRange,
    #[error("more than {MAX_BUCKETS} buckets")]
    TooManyBuckets,
}

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

    /// The number of buckets without a start: two days of hours, or thirty days.
    const fn default_count(self) -> i64 {
        match self {
            Self::Hour => 48,
            Self::Day => 30,
        }
    }
}

/// Count the events of each bucket.
///
/// # Errors
/// [`Refusal`]
pub async fn run(cx: Context, caller: Identity, input: Input) -> Result<Timeline, ActionError<Refusal>> {
    caller.require_admin(Refusal::NotAdmin)?;
    let seconds = input.bucket.seconds();
    let until = input.until.unwrap_or_else(|| cx.now());
    let default_from = || {
        // `until` is exclusive: the last bucket is the one of the second before it.
        let last = (until.unix_timestamp() - 1).div_euclid(seconds);
        start_of(last - input.bucket.default_count() + 1, seconds)
    };
    let from = input.from.unwrap_or_else(default_from);
    if from >= until {
        return Err(Refused(Refusal::EmptyRange));
    }
    let first = from.unix_timestamp().div_euclid(seconds);
    let last = (until - time::Duration::nanoseconds(1)).unix_timestamp().div_euclid(seconds);
    if last - first >= MAX_BUCKETS {
        return Err(Refused(Refusal::TooManyBuckets));
    }
    let filter = CountFilter { subject: input.subject, from: Some(from), until: Some(until) };
    let ledger = cx.services.store.ledger();
    let counts = ledger.count_by_time(input.bucket.hours(), &filter).await?;
    let counts: HashMap<i64, u64> = counts.into_iter().collect();
    let bucket = |number| (start_of(number, seconds), counts.get(&number).copied().unwrap_or(0));
    Ok(Timeline { from, until, buckets: (first..=last).map(bucket).collect() })
}

/// The start of a bucket by its number since the Unix epoch.
fn start_of(number: i64, seconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(number.saturating_mul(seconds)).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}
