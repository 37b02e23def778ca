//! Limits of one instance.

use std::sync::Mutex;

use futures_util::future::{BoxFuture, FutureExt as _, ready};
use quick_cache::unsync::Cache;
use time::OffsetDateTime;

use super::{Exceeded, Quota, RateLimiter};

/// Counts in this process. Memory is bounded: the keys used least make room.
pub struct InProcess {
    arrivals: Mutex<Cache<String, i64>>,
}

impl InProcess {
    /// Remembers at most `keys` keys.
    #[must_use]
    pub fn new(keys: usize) -> Self {
        Self {
            arrivals: Mutex::new(Cache::new(keys)),
        }
    }

    fn count(&self, key: &str, quota: Quota, now: OffsetDateTime) -> Result<(), Exceeded> {
        let now = i64::try_from(now.unix_timestamp_nanos() / 1000).unwrap_or(i64::MAX);
        // A panic elsewhere leaves nothing half done in a map of numbers.
        let mut arrivals = self.arrivals.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let next = quota.advance(arrivals.get(key).copied().unwrap_or(0), now)?;
        arrivals.insert(key.to_owned(), next);
        Ok(())
    }
}

impl RateLimiter for InProcess {
    fn reserve<'a>(&'a self, key: &'a str, quota: Quota, now: OffsetDateTime) -> BoxFuture<'a, Result<(), Exceeded>> {
        ready(self.count(key, quota, now)).boxed()
    }

    fn forget<'a>(&'a self, key: &'a str) -> BoxFuture<'a, ()> {
        let mut arrivals = self.arrivals.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        arrivals.remove(key);
        ready(()).boxed()
    }
}
