//! The interval before a retry.

use std::time::Duration;

const MIN_INTERVAL: Duration = Duration::from_millis(100);
const MAX_INTERVAL: Duration = Duration::from_secs(5);

/// The interval after `failures` failures in a row: 100 ms, doubled each time, at most 5 s, of
/// which `spread` (0 to 255) subtracts up to a half, so that instances do not retry at the same
/// moment.
pub(crate) fn interval(failures: u32, spread: u8) -> Duration {
    let doublings = failures.saturating_sub(1).min(10);
    let whole = MIN_INTERVAL.saturating_mul(1 << doublings).min(MAX_INTERVAL);
    whole - whole.mul_f64(f64::from(spread) / 255.0 / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_doubles_up_to_five_seconds() {
        let whole: Vec<u128> = (0..9).map(|failures| interval(failures, 0).as_millis()).collect();
        assert_eq!(whole, [100, 100, 200, 400, 800, 1600, 3200, 5000, 5000]);
        assert_eq!(interval(u32::MAX, 0), MAX_INTERVAL);
    }

    #[test]
    fn the_spread_subtracts_half_at_most() {
        assert_eq!(interval(7, 255), MAX_INTERVAL / 2);
        let some = interval(7, 128);
        assert!(some < MAX_INTERVAL && some > MAX_INTERVAL / 2);
    }
}
