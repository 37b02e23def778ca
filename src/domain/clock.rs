//! Time as an argument: production reads the system clock, tests advance their own.

use std::time::Duration;

use time::OffsetDateTime;

pub trait Clock: Send + Sync + 'static {
    /// Return the current time in UTC.
    fn now(&self) -> OffsetDateTime;

    /// Whether it is the clock of this machine, from which those of other machines differ little.
    /// Where instances have to agree, the clock of the database or of Redis counts beside it; no
    /// server knows the time of a test.
    fn is_of_machine(&self) -> bool {
        true
    }
}

#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the system clock")]
    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc()
    }
}

/// Truncate a time to whole milliseconds, the precision that events, responses and both databases
/// share.
#[must_use]
pub fn to_millis(at: OffsetDateTime) -> OffsetDateTime {
    let excess = i64::from(at.nanosecond() % 1_000_000);
    at - time::Duration::nanoseconds(excess)
}

/// Return a wait in whole seconds, rounded up and at least 1, for `Retry-After` and `RateLimit`.
#[must_use]
pub const fn ceil_seconds(wait: Duration) -> u64 {
    let seconds = wait.as_secs() + (wait.subsec_nanos() > 0) as u64;
    if seconds == 0 { 1 } else { seconds }
}

/// A duration for calculations with times. One that is too long becomes the longest.
#[must_use]
pub fn signed_duration(duration: std::time::Duration) -> time::Duration {
    time::Duration::try_from(duration).unwrap_or(time::Duration::MAX)
}
