//! How long a hash takes now: on a busy machine, longer than on an idle one.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// The weight of the average against the newest hash.
const WEIGHT: u64 = 7;

/// The average time of the last hashes, in microseconds; 0 before the first.
#[derive(Debug, Default)]
pub(super) struct Pace(AtomicU64);

impl Pace {
    /// Note how long a hash took.
    pub(super) fn record(&self, took: Duration) {
        let took = u64::try_from(took.as_micros()).unwrap_or(u64::MAX).clamp(1, u64::from(u32::MAX));
        // Two threads at once may lose one of their hashes, which an average can bear.
        let average = match self.0.load(Relaxed) {
            0 => took,
            average => (average * WEIGHT + took) / (WEIGHT + 1),
        };
        self.0.store(average, Relaxed);
    }

    /// The time in which `threads` do `hashes`; nothing before the first hash is known.
    pub(super) fn time_of(&self, hashes: usize, threads: usize) -> Duration {
        let rounds = hashes.div_ceil(threads.max(1));
        let rounds = u64::try_from(rounds).unwrap_or(u64::MAX);
        Duration::from_micros(self.0.load(Relaxed).saturating_mul(rounds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_average_follows_the_last_hashes() {
        let pace = Pace::default();
        assert_eq!(pace.time_of(64, 2), Duration::ZERO);
        pace.record(Duration::from_millis(20));
        assert_eq!(pace.time_of(1, 2), Duration::from_millis(20));
        assert_eq!(pace.time_of(64, 2), Duration::from_millis(640));
        for _ in 0..100 {
            pace.record(Duration::from_millis(40));
        }
        let slower = pace.time_of(2, 2);
        assert!(slower > Duration::from_millis(39) && slower <= Duration::from_millis(40), "{slower:?}");
        pace.record(Duration::MAX);
        assert!(pace.time_of(usize::MAX, 0) > Duration::from_secs(3600), "nothing overflows");
    }
}
