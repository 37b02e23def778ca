//! How many messages are fetched ahead of the handlers, so that these need not wait for the network.
//!
//! A message that is fetched ahead has used one of its attempts even if no handler ever sees it. So there are none
//! at first; their number grows while all goes well, stays within what is handled in a moment, and falls to none
//! as soon as an event fails or comes for another time. An event that kills the process again and again therefore
//! costs those behind it one attempt, and not all.

use std::time::Duration;

/// No more than this.
const MOST: usize = 64;
/// Nothing shall wait longer than this for its handler.
const MOMENT: Duration = Duration::from_millis(200);

#[derive(Debug, Default)]
pub(super) struct Ahead(usize);

impl Ahead {
    pub(super) const fn now(&self) -> usize {
        self.0
    }

    /// An event was dealt with at its first attempt by one of `handlers`, which took so long.
    pub(super) fn went_well(&mut self, took: Duration, handlers: usize) {
        let in_a_moment = MOMENT.as_nanos() / took.as_nanos().max(1);
        let in_a_moment = usize::try_from(in_a_moment).unwrap_or(MOST).saturating_mul(handlers);
        self.0 = (self.0 * 2 + 1).min(in_a_moment).min(MOST);
    }

    /// An event failed, or came again.
    pub(super) const fn went_wrong(&mut self) {
        self.0 = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_with_success_and_falls_to_none_with_the_first_failure() {
        let mut ahead = Ahead::default();
        let mut seen = Vec::new();
        for _ in 0..8 {
            seen.push(ahead.now());
            ahead.went_well(Duration::from_micros(100), 1);
        }
        assert_eq!(seen, [0, 1, 3, 7, 15, 31, 63, 64]);
        ahead.went_wrong();
        assert_eq!(ahead.now(), 0);
    }

    #[test]
    fn slow_handlers_get_no_more_than_they_deal_with_in_a_moment() {
        for (took, handlers, most) in [(50, 1, 4), (50, 4, 16), (1000, 1, 0), (1000, 64, 0)] {
            let mut ahead = Ahead::default();
            for _ in 0..8 {
                ahead.went_well(Duration::from_millis(took), handlers);
            }
            assert_eq!(ahead.now(), most, "{took} ms, {handlers} handlers");
        }
    }
}
