//! When signing keys are generated, used and deleted. Pure: times in, a plan out.
//!
//! ```text
//!  created_at      activates_at                      next key activates     expires_at
//!      |--- lead ------|------------ rotation ---------------|--- lead ---|- tail -|
//!      in the JWKS     signs                                 verifies only         deleted
//! ```
//!
//! A key signs until the next one is active, and for one lead time more when the next one is late.
//!
//! A key of another algorithm than the configured one is replaced at once, in the same way: the
//! next key is published for the lead time before it signs.

use std::time::Duration;

use time::OffsetDateTime;

use crate::domain::signing_key::SigningAlgorithm;

/// How long a key verifies after it may have signed for the last time: the longest life of an
/// access token (15 minutes), the largest leeway, and a margin for the difference between clocks.
pub const VERIFY_TAIL: Duration = Duration::from_secs(16 * 60);

/// No cache of the JWKS should keep it for longer than a day.
const MAX_LEAD: Duration = Duration::from_secs(24 * 60 * 60);

/// It leaves the next key time to reach every instance and every cache.
const MIN_ROTATION: Duration = Duration::from_secs(60 * 60);

const MAX_ROTATION: Duration = Duration::from_secs(366 * 24 * 60 * 60);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("key_rotation must be between 1 hour and 366 days")]
pub struct RotationPolicyError;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RotationPolicy {
    algorithm: SigningAlgorithm,
    rotation: Duration,
    lead: Duration,
}

impl RotationPolicy {
    /// Each key is of `algorithm`, signs for `rotation`, and is published a day before its first
    /// use (half of `rotation` when that is shorter).
    ///
    /// # Errors
    /// A period below an hour or above 366 days.
    pub fn new(rotation: Duration, algorithm: SigningAlgorithm) -> Result<Self, RotationPolicyError> {
        if !(MIN_ROTATION..=MAX_ROTATION).contains(&rotation) {
            return Err(RotationPolicyError);
        }
        Ok(Self { algorithm, rotation, lead: MAX_LEAD.min(rotation / 2) })
    }

    /// How long before its first use a key is published.
    #[must_use]
    pub const fn lead(&self) -> Duration {
        self.lead
    }

    /// The algorithm of new keys.
    #[must_use]
    pub const fn algorithm(&self) -> SigningAlgorithm {
        self.algorithm
    }

    fn key_activating_at(&self, activates_at: OffsetDateTime) -> NewKey {
        NewKey {
            activates_at,
            expires_at: activates_at + self.rotation + self.lead + VERIFY_TAIL,
        }
    }
}

/// The id, the algorithm and the times of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyLife {
    pub kid: String,
    pub algorithm: SigningAlgorithm,
    /// When it was generated and published.
    pub created_at: OffsetDateTime,
    /// From when it may sign.
    pub activates_at: OffsetDateTime,
    /// Until when it verifies.
    pub expires_at: OffsetDateTime,
}

impl KeyLife {
    /// Until when it may sign: [`VERIFY_TAIL`] before it expires.
    #[must_use]
    pub fn signs_until(&self) -> OffsetDateTime {
        self.expires_at - VERIFY_TAIL
    }

    /// Whether it may sign at `now`.
    #[must_use]
    pub fn may_sign(&self, now: OffsetDateTime) -> bool {
        self.activates_at <= now && now < self.signs_until()
    }

    /// Whether its tokens are accepted at `now`.
    #[must_use]
    pub fn may_verify(&self, now: OffsetDateTime) -> bool {
        now < self.expires_at
    }
}

/// The times of a key to generate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewKey {
    /// From when it may sign.
    pub activates_at: OffsetDateTime,
    /// Until when it verifies.
    pub expires_at: OffsetDateTime,
}

/// The keys to generate and to delete.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RotationPlan {
    /// At most one at a time.
    pub create: Option<NewKey>,
    /// The ids of keys to delete.
    pub drop: Vec<String>,
}

impl RotationPlan {
    /// Plan at `now`, given every key in the database. Read, plan and write under a lock of the
    /// database, so that instances that start together generate one key.
    #[must_use]
    pub fn at<'a>(keys: impl IntoIterator<Item = &'a KeyLife>, now: OffsetDateTime, policy: &RotationPolicy) -> Self {
        let (alive, dead): (Vec<_>, Vec<_>) = keys.into_iter().partition(|key| key.may_verify(now));
        let newest = alive.iter().max_by_key(|key| key.activates_at);
        let create = match newest {
            Some(newest) if now < newest.signs_until() => successor(newest, now, policy),
            // No key may sign, and tokens are needed now: there is no time to publish the key
            // first.
            _ => Some(policy.key_activating_at(now)),
        };
        Self {
            create,
            drop: dead.into_iter().map(|key| key.kid.clone()).collect(),
        }
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.create.is_none() && self.drop.is_empty()
    }
}

fn successor(newest: &KeyLife, now: OffsetDateTime, policy: &RotationPolicy) -> Option<NewKey> {
    // A key that does not sign yet has no successor, whatever its algorithm. Otherwise two
    // instances that are configured differently would generate keys in turns, without an end.
    if now < newest.activates_at {
        return None;
    }
    let due = if newest.algorithm == policy.algorithm {
        // A longer period that was set later cannot make an old key sign beyond its end.
        (newest.activates_at + policy.rotation).min(newest.signs_until() - policy.lead)
    } else {
        now
    };
    if now < due - policy.lead {
        return None;
    }
    // Late: the lead time is kept as long as the old key can sign, and shortened otherwise.
    Some(policy.key_activating_at(due.max(now + policy.lead).min(newest.signs_until())))
}
