//! How many messages are fetched ahead of the handlers, so that these need not wait for the
//! network.
//!
//! A prefetched message has used one of its attempts even if no handler ever sees it. So the limit
//! starts at zero, grows while handlers succeed, stays within what they process in a moment, and
//! falls back to zero as soon as an event fails or is redelivered. An event that kills the process
//! again and again therefore costs the events behind it one attempt, not all of them.

use std::time::Duration;

const MAX_PREFETCH: usize = 64;
/// The longest that a prefetched message should wait for its handler.
const MAX_PREFETCH_WAIT: Duration = Duration::from_millis(200);

#[derive(Debug, Default)]
pub(crate) struct Prefetch(usize);

impl Prefetch {
    pub(crate) const fn limit(&self) -> usize {
        self.0
    }

    /// One of `handlers` processed an event at its first attempt, and took this long.
    pub(crate) fn on_success(&mut self, took: Duration, handlers: usize) {
        let in_time = MAX_PREFETCH_WAIT.as_nanos() / took.as_nanos().max(1);
        let in_time = usize::try_from(in_time).unwrap_or(MAX_PREFETCH).saturating_mul(handlers);
        self.0 = (self.0 * 2 + 1).min(in_time).min(MAX_PREFETCH);
    }

    /// An event failed, or was redelivered.
    pub(crate) const fn on_failure(&mut self) {
        self.0 = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_grows_with_success_and_falls_to_zero_on_failure() {
        let mut prefetch = Prefetch::default();
        let mut seen = Vec::new();
        for _ in 0..8 {
            seen.push(prefetch.limit());
            prefetch.on_success(Duration::from_micros(100), 1);
        }
        assert_eq!(seen, [0, 1, 3, 7, 15, 31, 63, 64]);
        prefetch.on_failure();
        assert_eq!(prefetch.limit(), 0);
    }

    #[test]
    fn slow_handlers_get_no_more_than_they_process_in_time() {
        for (took, handlers, limit) in [(50, 1, 4), (50, 4, 16), (1000, 1, 0), (1000, 64, 0)] {
            let mut prefetch = Prefetch::default();
            for _ in 0..8 {
                prefetch.on_success(Duration::from_millis(took), handlers);
            }
            assert_eq!(prefetch.limit(), limit, "{took} ms, {handlers} handlers");
        }
    }
}
