//! Rate limits of one instance.

use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_util::future::{BoxFuture, FutureExt as _, ready};
use quick_cache::unsync::Cache;
use time::OffsetDateTime;

use super::limiter::{Charges, Exhausted, RateLimiter, Reset, micros, micros_of};

/// Counts in this process. Memory is bounded: the least used keys are evicted.
pub struct InMemoryLimiter(Mutex<Counts>);

struct Counts {
    /// The theoretical arrival time of a key's next charge.
    arrivals: Cache<String, i64>,
    /// Until when a network is trusted. A cache of its own, so that an attacker who invents keys
    /// evicts counts, never these.
    trusted: Cache<String, i64>,
}

impl InMemoryLimiter {
    /// Keep at most `keys` counts, and as many trusted networks.
    #[must_use]
    pub fn new(keys: usize) -> Self {
        Self(Mutex::new(Counts { arrivals: Cache::new(keys), trusted: Cache::new(keys) }))
    }

    /// Count charges if each of them is in the first half of a quota that instances may grant on
    /// their own. False if they were not counted.
    pub(super) fn charge_locally(&self, charges: &Charges, now: OffsetDateTime) -> bool {
        let (mut counts, now) = (self.counts(), micros(now));
        let early = charges
            .charges
            .iter()
            .all(|charge| charge.local_first_half && charge.quota.is_in_first_half(counts.arrival(&charge.key), now));
        early && counts.charge(charges, now).is_ok()
    }

    /// The theoretical arrival time of a key's next charge, according to this process.
    pub(super) fn arrival(&self, key: &str) -> i64 {
        self.counts().arrival(key)
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        // A map of numbers is consistent after a panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    fn trusts(&self, mark: Option<&String>, now: i64) -> bool {
        mark.and_then(|mark| self.trusted.get(mark)).is_some_and(|until| *until > now)
    }

    fn arrival(&self, key: &str) -> i64 {
        self.arrivals.get(key).copied().unwrap_or(0)
    }

    fn charge(&mut self, charges: &Charges, now: i64) -> Result<(), Exhausted> {
        let trusted = self.trusts(charges.trusted.as_ref(), now);
        let mut next = Vec::with_capacity(charges.charges.len());
        let mut exhausted: Option<Exhausted> = None;
        for (index, charge) in charges.charges.iter().enumerate() {
            if trusted && charge.waived_for_trusted {
                continue;
            }
            match charge.quota.advance(self.arrival(&charge.key), now) {
                Ok(arrival) => next.push((&charge.key, arrival)),
                Err(wait) if exhausted.is_none_or(|exhausted| wait > exhausted.wait) => {
                    exhausted = Some(Exhausted { charge: index, wait });
                }
                Err(_) => {}
            }
        }
        if let Some(exhausted) = exhausted {
            return Err(exhausted);
        }
        for (key, arrival) in next {
            self.arrivals.insert(key.clone(), arrival);
        }
        Ok(())
    }

    fn reset(&mut self, reset: &Reset, now: i64) {
        if !self.trusts(reset.trust.first(), now) {
            for charge in &reset.refund {
                let arrival = charge.quota.refund(self.arrival(&charge.key));
                if arrival > now {
                    self.arrivals.insert(charge.key.clone(), arrival);
                } else {
                    self.arrivals.remove(&charge.key);
                }
            }
        }
        for key in &reset.clear {
            self.arrivals.remove(key);
        }
        let until = now.saturating_add(micros_of(reset.trust_for));
        for mark in &reset.trust {
            self.trusted.insert(mark.clone(), until);
        }
    }
}

impl RateLimiter for InMemoryLimiter {
    fn charge<'a>(&'a self, charges: &'a Charges, now: OffsetDateTime) -> BoxFuture<'a, Result<(), Exhausted>> {
        let counted = self.counts().charge(charges, micros(now));
        ready(counted).boxed()
    }

    fn reset<'a>(&'a self, reset: &'a Reset, now: OffsetDateTime) -> BoxFuture<'a, ()> {
        self.counts().reset(reset, micros(now));
        ready(()).boxed()
    }
}
