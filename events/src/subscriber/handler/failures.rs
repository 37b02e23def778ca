//! How often each event has failed in this program.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// More events than can fail and be unacknowledged at once, unless an administrator wants them to.
/// The oldest count is forgotten, and its event gets more attempts.
const MAX_COUNTS: usize = 4096;

/// The failures of unsettled events, by stream sequence.
#[derive(Default)]
pub(super) struct Failures(Mutex<BTreeMap<u64, u32>>);

impl Failures {
    /// Counts a failure, and returns how many the event has.
    pub(super) fn count(&self, sequence: u64) -> u32 {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= MAX_COUNTS && !counts.contains_key(&sequence) {
            counts.pop_first();
        }
        let count = counts.entry(sequence).or_default();
        *count = count.saturating_add(1);
        *count
    }

    pub(super) fn of(&self, sequence: u64) -> u32 {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.get(&sequence).copied().unwrap_or_default()
    }

    pub(super) fn forget(&self, sequence: u64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&sequence);
    }
}
