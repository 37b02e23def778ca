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
