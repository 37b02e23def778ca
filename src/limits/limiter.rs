//! What is asked of whoever counts tries.

use std::time::Duration;

use futures_util::future::BoxFuture;
use time::OffsetDateTime;

use super::Quota;

/// One quota that a request draws on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draw {
    /// Under which the try is counted.
    pub key: String,
    /// How many there may be.
    pub quota: Quota,
    /// Whether who is [known](Tries::known) need not draw on it.
    pub for_strangers: bool,
    /// Whether the first half of the quota may be given out by each instance without asking the others.
    pub local_first: bool,
}

/// What one request draws on: all of it, or, when one quota is spent, none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tries {
    /// The quotas.
    pub draws: Vec<Draw>,
    /// The mark that makes the caller known, if one exists.
    pub known: Option<String>,
}

/// What is forgiven to whoever has the right password, or by an administrator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forgiven {
    /// Counts that begin anew.
    pub clear: Vec<String>,
    /// Draws to undo, if the caller was not known when they were made.
    pub give_back: Vec<Draw>,
    /// Marks to leave; the first one, if any, is the caller's.
    pub know: Vec<String>,
    /// How long they stay.
    pub know_for: Duration,
}

/// A quota is spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spent {
    /// Which of the draws has to wait longest.
    pub draw: usize,
    /// How long.
    pub wait: Duration,
}

/// Where tries are counted. Counting never fails: a store that does not answer falls back to this process, never to no limit.
pub trait RateLimiter: Send + Sync + 'static {
    /// Counts a try, before the work that it stands for.
    fn reserve<'a>(&'a self, tries: &'a Tries, now: OffsetDateTime) -> BoxFuture<'a, Result<(), Spent>>;

    /// Undoes what tries had drawn.
    fn forgive<'a>(&'a self, forgiven: &'a Forgiven, now: OffsetDateTime) -> BoxFuture<'a, ()>;
}

/// Microseconds since the Unix epoch.
pub(super) fn micros(now: OffsetDateTime) -> i64 {
    i64::try_from(now.unix_timestamp_nanos() / 1000).unwrap_or(i64::MAX)
}

/// Microseconds.
pub(super) fn micros_of(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
