//! How long to wait after a failure.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(5);

/// The pause after the `failures`-th failure in a row: 100 ms, doubled each time, at most 5 s, of which `spread`
/// (0 to 255) takes away up to a half, so that several instances do not knock at the same moment.
pub(crate) fn pause(failures: u32, spread: u8) -> Duration {
    let doublings = failures.saturating_sub(1).min(10);
    let whole = FIRST.saturating_mul(1 << doublings).min(LONGEST);
    whole - whole.mul_f64(f64::from(spread) / 255.0 / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_up_to_five_seconds() {
        let whole: Vec<u128> = (0..9).map(|failures| pause(failures, 0).as_millis()).collect();
        assert_eq!(whole, [100, 100, 200, 400, 800, 1600, 3200, 5000, 5000]);
        assert_eq!(pause(u32::MAX, 0), LONGEST);
    }

    #[test]
    fn the_spread_takes_away_half_at_most() {
        assert_eq!(pause(7, 255), LONGEST / 2);
        let some = pause(7, 128);
        assert!(some < LONGEST && some > LONGEST / 2);
    }
}
