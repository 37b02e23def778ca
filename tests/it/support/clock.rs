//! A clock that the test moves.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use time::OffsetDateTime;
use watchword::domain::clock::{Clock, SystemClock, to_millis};

/// A clock that stands still, or runs with the system clock, and that the test can move. Clones are
/// the same clock.
#[derive(Clone, Debug)]
pub(crate) struct TestClock(Arc<Mutex<Hands>>);

#[derive(Debug)]
struct Hands {
    base: OffsetDateTime,
    /// The instant at which a running clock showed `base`; `None` for a frozen clock.
    running_since: Option<Instant>,
    /// Whether it is the wrong clock of a machine among others, and not the time of a test.
    is_of_machine: bool,
}

impl TestClock {
    /// Returns a clock that starts now, and moves only by [`TestClock::advance`].
    pub(crate) fn frozen() -> Self {
        Self::new(None, false)
    }

    /// Returns a clock that starts now, and runs with the system clock.
    pub(crate) fn running() -> Self {
        Self::new(Some(Instant::now()), false)
    }

    /// Returns the clock of a machine, which is wrong by `ahead`.
    pub(crate) fn of_machine(ahead: time::Duration) -> Self {
        let clock = Self::new(Some(Instant::now()), true);
        clock.hands().base += ahead;
        clock
    }

    fn new(running_since: Option<Instant>, is_of_machine: bool) -> Self {
        Self(Arc::new(Mutex::new(Hands { base: wall_clock(), running_since, is_of_machine })))
    }

    /// Moves the clock forward.
    pub(crate) fn advance(&self, by: Duration) {
        self.hands().base += by;
    }

    /// Moves the clock back, as a wrong time server would.
    pub(crate) fn set_back(&self, by: Duration) {
        self.hands().base -= by;
    }

    /// Returns the whole seconds since 1970, as TOTP uses them.
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

    fn is_of_machine(&self) -> bool {
        self.hands().is_of_machine
    }
}

/// Returns the time in whole milliseconds, as the service stores it.
fn wall_clock() -> OffsetDateTime {
    to_millis(SystemClock.now())
}
