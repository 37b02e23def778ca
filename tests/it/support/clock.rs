//! A clock that the test moves.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use time::OffsetDateTime;
use watchword::domain::clock::{Clock, SystemClock, to_millis};

/// A clock that stands still, or runs with the real one, and jumps when the test says so. Clones are the same clock.
#[derive(Clone, Debug)]
pub(crate) struct TestClock(Arc<Mutex<Hands>>);

#[derive(Debug)]
struct Hands {
    base: OffsetDateTime,
    /// Set when the clock runs: the moment at which it showed `base`.
    running_since: Option<Instant>,
}

impl TestClock {
    /// A clock that moves by [`TestClock::advance`] alone, starting now.
    pub(crate) fn frozen() -> Self {
        Self(Arc::new(Mutex::new(Hands {
            base: wall_clock(),
            running_since: None,
        })))
    }

    /// A clock that runs like the real one, starting now.
    pub(crate) fn running() -> Self {
        Self(Arc::new(Mutex::new(Hands {
            base: wall_clock(),
            running_since: Some(Instant::now()),
        })))
    }

    /// Moves the clock forward.
    pub(crate) fn advance(&self, by: Duration) {
        self.hands().base += by;
    }

    /// Moves the clock back, as a wrong time server would.
    pub(crate) fn set_back(&self, by: Duration) {
        self.hands().base -= by;
    }

    /// What it shows, in whole seconds since 1970, as an authenticator wants it.
    pub(crate) fn seconds(&self) -> u64 {
        self.now().unix_timestamp().unsigned_abs()
    }

    fn hands(&self) -> std::sync::MutexGuard<'_, Hands> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for TestClock {
    fn now(&self) -> OffsetDateTime {
        let hands = self.hands();
        hands.base + hands.running_since.map(|since| since.elapsed()).unwrap_or_default()
    }
}

/// The real time, cut to the millisecond as the service stores it.
fn wall_clock() -> OffsetDateTime {
    to_millis(SystemClock.now())
}
