//! How long to wait before a retry.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// Waits that grow fourfold with every attempt. Each is shortened at random by up to half, so that
/// events that failed at one moment are not all retried at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The wait after the first attempt.
    pub initial: Duration,
    /// The longest wait.
    pub max: Duration,
}

impl Default for Backoff {
    /// 2 s, 8 s, 32 s, … at most 10 minutes: six attempts span about a quarter of an hour.
    fn default() -> Self {
        Self {
            initial: Duration::from_secs(2),
            max: Duration::from_secs(600),
        }
    }
}

impl Backoff {
    /// Returns the wait after attempt number `attempt`, counted from 1.
    pub(super) fn after(&self, attempt: u32) -> Duration {
        let growth = 4_u32.saturating_pow(attempt.saturating_sub(1));
        let full = self.initial.saturating_mul(growth).min(self.max);
        full.mul_f64(1.0 - jitter() / 2.0)
    }
}

/// Returns a number between 0 and 1. It need not be unpredictable: the standard library's seed is
/// enough.
fn jitter() -> f64 {
    f64::from(u16::try_from(RandomState::new().hash_one(0_u8) & 0xffff).unwrap_or_default()) / f64::from(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_fourfold_up_to_the_maximum_and_keep_at_least_half() {
        let backoff = Backoff {
            initial: Duration::from_secs(1),
            max: Duration::from_secs(60),
        };
        for (attempt, full) in [(1, 1), (2, 4), (3, 16), (4, 60), (1000, 60)] {
            let full = Duration::from_secs(full);
            for _ in 0..50 {
                let wait = backoff.after(attempt);
                assert!(wait <= full && wait >= full / 2, "attempt {attempt} waits {wait:?}");
            }
        }
    }
}
