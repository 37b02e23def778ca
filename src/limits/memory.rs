//! Limits of one instance.

use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_util::future::{BoxFuture, FutureExt as _, ready};
use quick_cache::unsync::Cache;
use time::OffsetDateTime;

use super::limiter::{Forgiven, RateLimiter, Spent, Tries, micros, micros_of};

/// Counts in this process. Memory is bounded: the keys used least make room.
pub struct InProcess(Mutex<Counts>);

struct Counts {
    /// When the next try of a key is due.
    arrivals: Cache<String, i64>,
    /// Until when somebody is known. A place of its own: whoever makes up keys pushes out counts, never these.
    known: Cache<String, i64>,
}

impl InProcess {
    /// Remembers at most `keys` counts, and as many that are known.
    #[must_use]
    pub fn new(keys: usize) -> Self {
        Self(Mutex::new(Counts {
            arrivals: Cache::new(keys),
            known: Cache::new(keys),
        }))
    }

    /// Counts tries if each draws on the first half of a quota that every instance may give out for itself. `false`: not counted.
    pub(super) fn reserve_early(&self, tries: &Tries, now: OffsetDateTime) -> bool {
        let (mut counts, now) = (self.counts(), micros(now));
        let early = tries
            .draws
            .iter()
            .all(|draw| draw.local_first && draw.quota.is_early(counts.arrival(&draw.key), now));
        early && counts.reserve(tries, now).is_ok()
    }

    /// When the next try of a key is due, as this process has counted.
    pub(super) fn arrival(&self, key: &str) -> i64 {
        self.counts().arrival(key)
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        // A panic elsewhere leaves nothing half done in a map of numbers.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    fn knows(&self, mark: Option<&String>, now: i64) -> bool {
        mark.and_then(|mark| self.known.get(mark))
            .is_some_and(|until| *until > now)
    }

    fn arrival(&self, key: &str) -> i64 {
        self.arrivals.get(key).copied().unwrap_or(0)
    }

    fn reserve(&mut self, tries: &Tries, now: i64) -> Result<(), Spent> {
        let known = self.knows(tries.known.as_ref(), now);
        let mut next = Vec::with_capacity(tries.draws.len());
        let mut spent: Option<Spent> = None;
        for (draw, asked) in tries.draws.iter().enumerate() {
            if known && asked.for_strangers {
                continue;
            }
            match asked.quota.advance(self.arrival(&asked.key), now) {
                Ok(arrival) => next.push((&asked.key, arrival)),
                Err(wait) if spent.is_none_or(|spent| wait > spent.wait) => spent = Some(Spent { draw, wait }),
                Err(_) => {}
            }
        }
        if let Some(spent) = spent {
            return Err(spent);
        }
        for (key, arrival) in next {
            self.arrivals.insert(key.clone(), arrival);
        }
        Ok(())
    }

    fn forgive(&mut self, forgiven: &Forgiven, now: i64) {
        if !self.knows(forgiven.know.first(), now) {
            for draw in &forgiven.give_back {
                let arrival = draw.quota.give_back(self.arrival(&draw.key));
                if arrival > now {
                    self.arrivals.insert(draw.key.clone(), arrival);
                } else {
                    self.arrivals.remove(&draw.key);
                }
            }
        }
        for key in &forgiven.clear {
            self.arrivals.remove(key);
        }
        let until = now.saturating_add(micros_of(forgiven.know_for));
        for mark in &forgiven.know {
            self.known.insert(mark.clone(), until);
        }
    }
}

impl RateLimiter for InProcess {
    fn reserve<'a>(&'a self, tries: &'a Tries, now: OffsetDateTime) -> BoxFuture<'a, Result<(), Spent>> {
        let counted = self.counts().reserve(tries, micros(now));
        ready(counted).boxed()
    }

    fn forgive<'a>(&'a self, forgiven: &'a Forgiven, now: OffsetDateTime) -> BoxFuture<'a, ()> {
        self.counts().forgive(forgiven, micros(now));
        ready(()).boxed()
    }
}
