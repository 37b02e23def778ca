//! When the delivery of an email is retried.

use std::time::Duration;

const MIN_INTERVAL: Duration = Duration::from_secs(5);
const MAX_INTERVAL: Duration = Duration::from_secs(15 * 60);

/// The interval after attempt number `attempt`: 5 s, doubled each time, at most 15 min, of which
/// `spread` (0 to 255) subtracts up to a half, so that a mail server that comes back does not get
/// everything at once.
pub(super) fn retry_interval(attempt: i32, spread: u8) -> Duration {
    let doublings = attempt.saturating_sub(1).clamp(0, 10);
    let whole = MIN_INTERVAL.saturating_mul(1 << doublings).min(MAX_INTERVAL);
    whole - whole.mul_f64(f64::from(spread) / 255.0 / 2.0)
}

/// The lifetime of a claim: longer than the deliveries under it, which all run concurrently, and
/// short enough that what a dead process has claimed does not wait for long.
pub(super) fn claim_ttl(timeout: Duration) -> Duration {
    timeout * 2 + Duration::from_secs(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_doubles_up_to_a_quarter_of_an_hour() {
        let whole: Vec<u64> = (0..11).map(|attempt| retry_interval(attempt, 0).as_secs()).collect();
        assert_eq!(whole, [5, 5, 10, 20, 40, 80, 160, 320, 640, 900, 900]);
        assert_eq!(retry_interval(i32::MAX, 255), MAX_INTERVAL / 2);
    }
}
