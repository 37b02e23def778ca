//! The interface of rate limiters, with charges and resets.

use std::time::Duration;

use futures_util::future::BoxFuture;
use time::OffsetDateTime;

use super::Quota;

/// One charge of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// The key under which it is counted.
    pub key: String,
    pub quota: Quota,
    /// Whether callers from a [trusted](Charges::trusted) network are not charged.
    pub waived_for_trusted: bool,
    /// Whether each instance may grant the first half of the quota without the others.
    pub local_first_half: bool,
}

/// The charges of a request: all of them are counted or, if a quota is exhausted, none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charges {
    pub charges: Vec<Charge>,
    /// The key that exists while the caller's network is trusted.
    pub trusted: Option<String>,
}

/// What a successful login, or an administrator, resets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reset {
    /// Keys whose counts start again from zero.
    pub clear: Vec<String>,
    /// Charges to undo, unless the caller's network was trusted, which made them free.
    pub refund: Vec<Charge>,
    /// Networks to trust from now on; the first one, if any, is the caller's.
    pub trust: Vec<String>,
    pub trust_for: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exhausted {
    /// Index of the charge with the longest wait.
    pub charge: usize,
    pub wait: Duration,
}

/// Counts charges. Counting never fails: while Redis is away, charges are counted in this process,
/// never without a limit.
pub trait RateLimiter: Send + Sync + 'static {
    /// Count charges, before the work of the request.
    fn charge<'a>(&'a self, charges: &'a Charges, now: OffsetDateTime) -> BoxFuture<'a, Result<(), Exhausted>>;

    fn reset<'a>(&'a self, reset: &'a Reset, now: OffsetDateTime) -> BoxFuture<'a, ()>;
}

/// Microseconds since the Unix epoch.
pub(super) fn micros(now: OffsetDateTime) -> i64 {
    i64::try_from(now.unix_timestamp_nanos() / 1000).unwrap_or(i64::MAX)
}

pub(super) fn micros_of(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
