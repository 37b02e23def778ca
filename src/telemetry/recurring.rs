//! Work that fails again and again while a server is away: in the log once, then once a minute with
//! a count, and once when it succeeds again.

use std::error::Error;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::error_chain;

/// Between two lines about failures of the same kind.
const LOG_INTERVAL: Duration = Duration::from_secs(60);

/// Different errors of one outage that have a line each.
const MAX_KNOWN: usize = 4;

/// The failures of one kind of work.
#[derive(Debug)]
pub struct Recurring {
    what: &'static str,
    failures: Mutex<Option<Failures>>,
}

#[derive(Debug)]
struct Failures {
    since: Instant,
    last: Instant,
    /// When the last line was written.
    logged: Instant,
    count: u64,
    /// The errors that are in the log.
    known: Vec<String>,
}

impl Recurring {
    /// Nothing has failed yet. `what` failed: "emails cannot be claimed".
    #[must_use]
    pub const fn new(what: &'static str) -> Self {
        Self { what, failures: Mutex::new(None) }
    }

    /// Report a failure.
    pub fn failed(&self, error: &(dyn Error + 'static)) {
        let (now, what, text) = (Instant::now(), self.what, error_chain(error).to_string());
        let mut state = self.state();
        // What does not come again for so long has ended, also without a success that says so.
        let current = state.take().filter(|failures| now - failures.last < LOG_INTERVAL);
        let Some(mut failures) = current else {
            tracing::warn!(error = text, "{what}; retrying");
            *state = Some(Failures {
                since: now,
                last: now,
                logged: now,
                count: 1,
                known: vec![text],
            });
            return;
        };
        failures.last = now;
        failures.count += 1;
        let is_new = failures.known.len() < MAX_KNOWN && !failures.known.contains(&text);
        if is_new || now - failures.logged >= LOG_INTERVAL {
            failures.logged = now;
            let (count, seconds) = (failures.count, (now - failures.since).as_secs());
            tracing::warn!(error = text, failures = count, seconds, "{what}; still retrying");
        }
        if is_new {
            failures.known.push(text);
        }
        *state = Some(failures);
    }

    /// Report a success.
    pub fn succeeded(&self) {
        let Some(failures) = self.state().take() else { return };
        if failures.count > 1 {
            let (count, seconds) = (failures.count, failures.since.elapsed().as_secs());
            tracing::info!(failures = count, seconds, "no longer: {}", self.what);
        }
    }

    fn state(&self) -> MutexGuard<'_, Option<Failures>> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
