//! How long to wait before trying again.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// Waiting times that grow fourfold with every attempt, each shortened at random by up to half, so that many
/// failures of one moment do not come back in one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The wait after the first attempt.
    pub first: Duration,
    /// No wait is longer.
    pub longest: Duration,
}

impl Default for Backoff {
    /// 2 s, 8 s, 32 s, … at most 10 minutes: six attempts span about a quarter of an hour.
    fn default() -> Self {
        Self {
            first: Duration::from_secs(2),
            longest: Duration::from_secs(600),
        }
    }
}

impl Backoff {
    /// The wait after attempt number `attempt`, which counts from 1.
    pub(super) fn after(&self, attempt: u32) -> Duration {
        let growth = 4_u32.saturating_pow(attempt.saturating_sub(1));
        let whole = self.first.saturating_mul(growth).min(self.longest);
        whole.mul_f64(1.0 - noise() / 2.0)
    }
}

/// Between 0 and 1. Nothing depends on it being unpredictable: the standard library's own seed will do.
fn noise() -> f64 {
    f64::from(u16::try_from(RandomState::new().hash_one(0_u8) & 0xffff).unwrap_or_default()) / f64::from(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_fourfold_up_to_the_longest_and_are_never_less_than_half() {
        let backoff = Backoff {
            first: Duration::from_secs(1),
            longest: Duration::from_secs(60),
        };
        for (attempt, whole) in [(1, 1), (2, 4), (3, 16), (4, 60), (1000, 60)] {
            let whole = Duration::from_secs(whole);
            for _ in 0..50 {
                let wait = backoff.after(attempt);
                assert!(wait <= whole && wait >= whole / 2, "attempt {attempt} waits {wait:?}");
            }
        }
    }
}
