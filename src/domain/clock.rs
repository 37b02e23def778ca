//! Time as an argument: production reads the system clock, tests advance their own.

use time::OffsetDateTime;

/// Where the service reads the time from.
pub trait Clock: Send + Sync + 'static {
    /// The current time in UTC.
    fn now(&self) -> OffsetDateTime;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the system clock")]
    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc()
    }
}

/// Cuts a time to whole milliseconds, the precision that events, responses and both databases share.
#[must_use]
pub fn to_millis(at: OffsetDateTime) -> OffsetDateTime {
    let excess = i64::from(at.nanosecond() % 1_000_000);
    at - time::Duration::nanoseconds(excess)
}

/// Round up to whole seconds, for headers such as `Retry-After`.
#[must_use]
pub fn ceil_seconds(duration: std::time::Duration) -> u64 {
    duration
        .as_secs()
        .saturating_add(u64::from(duration.subsec_nanos() > 0))
}

/// A duration for calculations with times. One that is too long becomes the longest.
#[must_use]
pub fn signed_duration(duration: std::time::Duration) -> time::Duration {
    time::Duration::try_from(duration).unwrap_or(time::Duration::MAX)
}
