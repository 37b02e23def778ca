//! What was refused lately, summed up: a refusal costs a few bytes here and nothing in the database.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{Exceeded, Identifier, RateLimit};

/// Keys that are told apart at once. Beyond them one sum for each limiter: an attacker with many addresses fills neither memory nor
/// the ledger.
const KEYS: usize = 100;

/// Refusals of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Which limiter refused.
    pub limit: RateLimit,
    /// The client's address, when it was the same each time.
    pub ip: Option<IpAddr>,
    /// The keyed hash of the identifier, when the limiter counts by it.
    pub identifier: Option<Identifier>,
    /// How long the last one had to wait.
    pub retry_after: Duration,
    /// How many there were.
    pub count: u64,
    /// The key; none for many keys together.
    key: Option<String>,
}

impl Refusal {
    fn add(&mut self, other: Self) {
        self.count += other.count;
        self.retry_after = other.retry_after;
        if self.ip != other.ip {
            self.ip = None;
        }
        if self.identifier != other.identifier {
            self.identifier = None;
        }
    }
}

/// The sums since they were last taken.
#[derive(Debug, Default)]
pub(super) struct Refusals(Mutex<HashMap<(RateLimit, Option<String>), Refusal>>);

impl Refusals {
    fn sums(&self) -> MutexGuard<'_, HashMap<(RateLimit, Option<String>), Refusal>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn note(&self, key: String, exceeded: &Exceeded, ip: Option<IpAddr>, identifier: Option<Identifier>) {
        self.add(Refusal {
            limit: exceeded.limit,
            ip,
            identifier,
            retry_after: exceeded.retry_after,
            count: 1,
            key: Some(key),
        });
    }

    pub(super) fn add(&self, mut refusal: Refusal) {
        let mut sums = self.sums();
        let trusted = sums.contains_key(&(refusal.limit, refusal.key.clone()));
        if !trusted && sums.len() >= KEYS {
            refusal = Refusal {
                ip: None,
                identifier: None,
                key: None,
                ..refusal
            };
        }
        match sums.entry((refusal.limit, refusal.key.clone())) {
            Entry::Occupied(mut sum) => sum.get_mut().add(refusal),
            Entry::Vacant(place) => {
                place.insert(refusal);
            }
        }
    }

    /// Takes the sums; the next ones begin at nothing.
    pub(super) fn take(&self) -> Vec<Refusal> {
        let mut taken: Vec<Refusal> = std::mem::take(&mut *self.sums()).into_values().collect();
        taken.sort_by(|one, other| (one.limit, &one.key).cmp(&(other.limit, &other.key)));
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Quota;

    fn exceeded(limit: RateLimit) -> Exceeded {
        Exceeded {
            limit,
            quota: Quota::new(1, Duration::from_secs(60)),
            retry_after: Duration::from_secs(9),
        }
    }

    #[test]
    fn refusals_of_a_key_are_summed_up() {
        let refusals = Refusals::default();
        let (here, there) = (Some([192, 0, 2, 1].into()), Some([192, 0, 2, 2].into()));
        let who = Some(Identifier::new([7; 32]));
        for _ in 0..3 {
            refusals.note("a".to_owned(), &exceeded(RateLimit::LoginPair), here, who);
        }
        refusals.note("b".to_owned(), &exceeded(RateLimit::LoginAccount), here, who);
        refusals.note("b".to_owned(), &exceeded(RateLimit::LoginAccount), there, who);
        let taken = refusals.take();
        let seen: Vec<_> = taken.iter().map(|sum| (sum.count, sum.ip, sum.identifier)).collect();
        assert_eq!(seen, [(3, here, who), (2, None, who)]);
        assert!(refusals.take().is_empty());
    }

    #[test]
    fn many_keys_become_one_sum_for_each_limiter() {
        let refusals = Refusals::default();
        let many = u8::try_from(KEYS).unwrap() + 50;
        for n in 0..many {
            let ip = Some([192, 0, 2, n].into());
            refusals.note(n.to_string(), &exceeded(RateLimit::Login), ip, None);
            refusals.note(n.to_string(), &exceeded(RateLimit::Register), ip, None);
        }
        let taken = refusals.take();
        assert!(taken.len() <= KEYS + RateLimit::ALL.len(), "{}", taken.len());
        let count: u64 = taken.iter().map(|sum| sum.count).sum();
        assert_eq!(count, 2 * u64::from(many), "none is forgotten");
        assert_eq!(taken.iter().filter(|sum| sum.ip.is_none()).count(), 2);
    }
}
