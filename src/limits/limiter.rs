//! What is asked of whoever counts charges.

use std::time::Duration;

use futures_util::future::BoxFuture;
use time::OffsetDateTime;

use super::Quota;

/// One quota that a request charges on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// Under which the try is counted.
    pub key: String,
    /// How many there may be.
    pub quota: Quota,
    /// Whether who is [known](Charges::trusted) need not charge on it.
    pub waived_for_trusted: bool,
    /// Whether the first half of the quota may be given out by each instance without asking the others.
    pub local_first: bool,
}

/// What one request charges on: all of it, or, when one quota is exhausted, none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charges {
    /// The quotas.
    pub charges: Vec<Charge>,
    /// The mark that makes the caller trusted, if one exists.
    pub trusted: Option<String>,
}

/// What is reset to whoever has the right password, or by an administrator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reset {
    /// Counts that begin anew.
    pub clear: Vec<String>,
    /// Draws to undo, if the caller was not known when they were made.
    pub give_back: Vec<Charge>,
    /// Marks to leave; the first one, if any, is the caller's.
    pub trust: Vec<String>,
    /// How long they stay.
    pub trust_for: Duration,
}

/// A quota is exhausted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exhausted {
    /// Which of the charges has to wait longest.
    pub charge: usize,
    /// How long.
    pub wait: Duration,
}

/// Where charges are counted. Counting never fails: a store that does not answer falls back to this process, never to no limit.
pub trait RateLimiter: Send + Sync + 'static {
    /// Counts a try, before the work that it stands for.
    fn charge<'a>(&'a self, charges: &'a Charges, now: OffsetDateTime) -> BoxFuture<'a, Result<(), Exhausted>>;

    /// Undoes what charges had drawn.
    fn reset<'a>(&'a self, reset: &'a Reset, now: OffsetDateTime) -> BoxFuture<'a, ()>;
}

/// Microseconds since the Unix epoch.
pub(super) fn micros(now: OffsetDateTime) -> i64 {
    i64::try_from(now.unix_timestamp_nanos() / 1000).unwrap_or(i64::MAX)
}

/// Microseconds.
pub(super) fn micros_of(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
