//! When a mail is tried again.

use std::time::Duration;

const FIRST: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(15 * 60);

/// The pause after try number `attempt`: 5 s, doubled each time, at most 15 min, of which `spread` (0 to 255) takes away up to a
/// half, so that a mail server that comes back is not met by everything at once.
pub(super) fn pause(attempt: i32, spread: u8) -> Duration {
    let doublings = attempt.saturating_sub(1).clamp(0, 10);
    let whole = FIRST.saturating_mul(1 << doublings).min(LONGEST);
    whole - whole.mul_f64(f64::from(spread) / 255.0 / 2.0)
}

/// How long a claim is good: longer than the tries that it covers, which all run at once, and short enough that what a process
/// leaves behind when it dies does not wait long.
pub(super) fn lease(timeout: Duration) -> Duration {
    timeout * 2 + Duration::from_secs(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_up_to_a_quarter_of_an_hour() {
        let whole: Vec<u64> = (0..11).map(|attempt| pause(attempt, 0).as_secs()).collect();
        assert_eq!(whole, [5, 5, 10, 20, 40, 80, 160, 320, 640, 900, 900]);
        assert_eq!(pause(i32::MAX, 255), LONGEST / 2);
    }
}
