//! The signing keys that this instance has loaded.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use time::OffsetDateTime;

use super::{JwkSet, KeyLife, SigningKey};

type Keys = HashMap<String, Arc<SigningKey>>;

/// The keys in memory, replaced as a whole when they are read from the database again. The `kid` of
/// a token is looked up here and nowhere else (no query, no file, no request).
#[derive(Debug, Default)]
pub struct KeyRing {
    keys: RwLock<Arc<Keys>>,
}

impl KeyRing {
    /// An empty ring signs and verifies nothing.
    #[must_use]
    pub fn new(keys: impl IntoIterator<Item = SigningKey>) -> Self {
        let ring = Self::default();
        ring.replace(keys);
        ring
    }

    /// Replace all keys. A removed key stops verifying at once, including cached tokens.
    pub fn replace(&self, keys: impl IntoIterator<Item = SigningKey>) {
        let keys: Keys = keys.into_iter().map(|key| (key.kid().to_owned(), Arc::new(key))).collect();
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
    }

    /// The key that signs at `now`: the one that was activated last. If all are yet to be
    /// activated, the clock of the instance that created the first is ahead, and the first signs.
    #[must_use]
    pub fn signer(&self, now: OffsetDateTime) -> Option<Arc<SigningKey>> {
        let keys = self.snapshot();
        // The id decides between equal times, so that every instance selects the same key.
        let by_activation = |a: &&Arc<SigningKey>, b: &&Arc<SigningKey>| {
            (a.life().activates_at, a.kid()).cmp(&(b.life().activates_at, b.kid()))
        };
        let active = keys.values().filter(|key| key.life().may_sign(now)).max_by(by_activation);
        let first = || keys.values().filter(|key| now < key.life().activates_at).min_by(by_activation);
        active.or_else(first).cloned()
    }

    /// The key with exactly this id, if it may verify at `now`.
    #[must_use]
    pub fn verifier(&self, kid: &str, now: OffsetDateTime) -> Option<Arc<SigningKey>> {
        self.snapshot().get(kid).filter(|key| key.life().may_verify(now)).cloned()
    }

    /// The JWKS document at `now`: every key that verifies, including those that will sign later.
    #[must_use]
    pub fn jwks(&self, now: OffsetDateTime) -> JwkSet {
        let snapshot = self.snapshot();
        let mut keys: Vec<_> = snapshot.values().filter(|key| key.life().may_verify(now)).collect();
        keys.sort_by(|a, b| (b.life().activates_at, b.kid()).cmp(&(a.life().activates_at, a.kid())));
        JwkSet {
            keys: keys.into_iter().map(|key| key.as_ref().into()).collect(),
        }
    }

    /// The ids, algorithms and times of all keys, for a rotation plan.
    #[must_use]
    pub fn lives(&self) -> Vec<KeyLife> {
        self.snapshot().values().map(|key| key.life().clone()).collect()
    }

    fn snapshot(&self) -> Arc<Keys> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }
}
