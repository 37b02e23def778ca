//! Sums of refused requests: a refusal costs a few bytes of memory and nothing in the database.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{Exceeded, Identifier, RateLimit};

/// Keys with a sum of their own. Beyond them there is one sum per rate limit, so that an attacker
/// with many addresses fills neither the memory nor the ledger.
const MAX_KEYS: usize = 100;

/// RefusedByKey of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedRequests {
    pub limit: RateLimit,
    /// The client's address, if it was always the same.
    pub ip: Option<IpAddr>,
    /// The identifier, if the rate limit counts by it and it was always the same.
    pub identifier: Option<Identifier>,
    /// Of the last request.
    pub retry_after: Duration,
    pub count: u64,
    /// None for many keys together.
    key: Option<String>,
}

impl RefusedRequests {
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

/// The sums since the last [`take`](Self::take).
#[derive(Debug, Default)]
pub(super) struct RefusedByKey(Mutex<HashMap<(RateLimit, Option<String>), RefusedRequests>>);

impl RefusedByKey {
    fn sums(&self) -> MutexGuard<'_, HashMap<(RateLimit, Option<String>), RefusedRequests>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn count(&self, key: String, exceeded: &Exceeded, ip: Option<IpAddr>, identifier: Option<Identifier>) {
        self.add(RefusedRequests {
            limit: exceeded.limit,
            ip,
            identifier,
            retry_after: exceeded.retry_after,
            count: 1,
            key: Some(key),
        });
    }

    pub(super) fn add(&self, mut refused: RefusedRequests) {
        let mut sums = self.sums();
        let has_sum = sums.contains_key(&(refused.limit, refused.key.clone()));
        if !has_sum && sums.len() >= MAX_KEYS {
            refused = RefusedRequests { ip: None, identifier: None, key: None, ..refused };
        }
        match sums.entry((refused.limit, refused.key.clone())) {
            Entry::Occupied(mut sum) => sum.get_mut().add(refused),
            Entry::Vacant(entry) => {
                entry.insert(refused);
            }
        }
    }

    /// Take the sums, and start again from zero.
    pub(super) fn take(&self) -> Vec<RefusedRequests> {
        let mut taken: Vec<RefusedRequests> = std::mem::take(&mut *self.sums()).into_values().collect();
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
    fn refused_requests_of_a_key_are_summed() {
        let refused = RefusedByKey::default();
        let (here, there) = (Some([192, 0, 2, 1].into()), Some([192, 0, 2, 2].into()));
        let identifier = Some(Identifier::new([7; 32]));
        for _ in 0..3 {
            refused.count("a".to_owned(), &exceeded(RateLimit::LoginPair), here, identifier);
        }
        refused.count("b".to_owned(), &exceeded(RateLimit::LoginAccount), here, identifier);
        refused.count("b".to_owned(), &exceeded(RateLimit::LoginAccount), there, identifier);
        let taken = refused.take();
        let seen: Vec<_> = taken.iter().map(|sum| (sum.count, sum.ip, sum.identifier)).collect();
        assert_eq!(seen, [(3, here, identifier), (2, None, identifier)]);
        assert!(refused.take().is_empty());
    }

    #[test]
    fn many_keys_share_one_sum_per_rate_limit() {
        let refused = RefusedByKey::default();
        let many = u8::try_from(MAX_KEYS).unwrap() + 50;
        for n in 0..many {
            let ip = Some([192, 0, 2, n].into());
            refused.count(n.to_string(), &exceeded(RateLimit::Login), ip, None);
            refused.count(n.to_string(), &exceeded(RateLimit::Register), ip, None);
        }
        let taken = refused.take();
        assert!(taken.len() <= MAX_KEYS + 2, "{}", taken.len());
        let count: u64 = taken.iter().map(|sum| sum.count).sum();
        assert_eq!(count, 2 * u64::from(many), "every request is counted");
        assert_eq!(taken.iter().filter(|sum| sum.ip.is_none()).count(), 2);
    }
}
