//! The generic cell rate algorithm (GCRA): one number per key, no timers, and bursts up to the
//! whole quota.

use std::time::Duration;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Charges that are available at once.
    pub burst: u32,
    /// The time in which `burst` charges become available again.
    pub period: Duration,
}

impl Quota {
    #[must_use]
    pub const fn new(burst: u32, period: Duration) -> Self {
        Self { burst, period }
    }

    /// Microseconds between two charges at the steady rate, at least one.
    #[must_use]
    pub fn interval_micros(self) -> i64 {
        let micros = self.period.as_micros() / u128::from(self.burst.max(1));
        i64::try_from(micros).unwrap_or(i64::MAX).max(1)
    }

    /// Microseconds that charges may be ahead of the steady rate.
    #[must_use]
    pub fn tolerance_micros(self) -> i64 {
        self.interval_micros().saturating_mul(i64::from(self.burst.saturating_sub(1)))
    }

    /// Charge once at `now`. `arrival` is the theoretical arrival time of this charge; return that
    /// of the next one, or how long to wait.
    pub(super) fn advance(self, arrival: i64, now: i64) -> Result<i64, Duration> {
        let arrival = arrival.max(now);
        let ahead = arrival - now;
        if ahead > self.tolerance_micros() {
            return Err(Duration::from_micros((ahead - self.tolerance_micros()).unsigned_abs()));
        }
        Ok(arrival.saturating_add(self.interval_micros()))
    }

    /// Whether a charge at `now` would be in the first half of the burst.
    pub(super) fn is_in_first_half(self, arrival: i64, now: i64) -> bool {
        let half = self.interval_micros().saturating_mul(i64::from(self.burst / 2));
        arrival.max(now) - now < half
    }

    /// The arrival time without one charge.
    pub(super) fn refund(self, arrival: i64) -> i64 {
        arrival.saturating_sub(self.interval_micros())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_then_the_steady_rate() {
        let quota = Quota::new(3, Duration::from_secs(3));
        let mut arrival = 0;
        for _ in 0..3 {
            arrival = quota.advance(arrival, 10_000_000).unwrap();
        }
        let wait = quota.advance(arrival, 10_000_000).unwrap_err();
        assert_eq!(wait, Duration::from_secs(1));
        assert!(quota.advance(arrival, 11_000_000).is_ok());
    }

    #[test]
    fn half_of_the_burst_is_early() {
        for (burst, early) in [(1, 0), (2, 1), (5, 2), (30, 15)] {
            let quota = Quota::new(burst, Duration::from_secs(60));
            let (now, mut arrival, mut charges) = (10_000_000, 0, 0);
            while quota.is_in_first_half(arrival, now) {
                arrival = quota.advance(arrival, now).unwrap();
                charges += 1;
            }
            assert_eq!(charges, early, "of {burst}");
        }
    }

    #[test]
    fn a_refunded_charge_can_be_made_again() {
        let quota = Quota::new(2, Duration::from_secs(2));
        let now = 10_000_000;
        let exhausted = quota.advance(quota.advance(0, now).unwrap(), now).unwrap();
        assert!(quota.advance(exhausted, now).is_err());
        assert!(quota.advance(quota.refund(exhausted), now).is_ok());
    }
}
