//! Whether everything fails: then no event is to blame, but what the handlers work with.
//!
//! Once [`PAUSE_AFTER`] different events have failed and none has succeeded between them, the
//! subscriber pauses. It keeps the events that it has, and tries one after the other with growing
//! pauses, until one succeeds. A kept event uses none of its attempts: the server gets progress
//! reports for it. So an outage that is longer than all attempts makes no dead letters.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tracing::{error, info};

use super::verdict::Verdict;
use crate::subscriber::backoff::Backoff;
use crate::subscriber::delivery::Handled;

/// Different events that fail in a row before everything is taken to fail. Fewer are not told from
/// events that no handler can process.
const PAUSE_AFTER: usize = 3;
/// The longest pause, so that a subscriber notices soon that the outage is over.
const MAX_PAUSE: Duration = Duration::from_secs(60);
/// How often the log says that the outage lasts.
const REPORT_INTERVAL: Duration = Duration::from_secs(60);

#[derive(Default)]
pub(crate) struct Outage(Mutex<State>);

#[derive(Default)]
struct State {
    /// The events that have failed alone since the last success, by stream sequence.
    alone: BTreeSet<u64>,
    /// The events of batches that have failed since, and how many of these had no event that had
    /// failed before.
    in_batches: BTreeSet<u64>,
    batches: usize,
    pause: Option<Pause>,
}

struct Pause {
    began: Instant,
    tries: u32,
    until: Instant,
    reported: Instant,
}

impl Outage {
    /// Takes note of the verdict on an event, or on a batch. While everything fails, what failed is
    /// kept.
    pub(crate) fn weigh(&self, durable: &str, sequences: &[u64], backoff: Backoff, verdict: Verdict) -> Verdict {
        match verdict {
            Verdict::Done(Handled::Applied) => {
                self.end(durable);
                verdict
            }
            Verdict::Retry(reason) if self.fails(durable, sequences, backoff, &reason) => Verdict::Keep(reason),
            // Handlers did nothing for these.
            Verdict::Done(_) | Verdict::Retry(_) | Verdict::Poison(_) | Verdict::Keep(_) => verdict,
        }
    }

    /// Until when no event is handled; `None` unless everything fails.
    pub(crate) fn paused_until(&self) -> Option<Instant> {
        self.state().pause.as_ref().map(|pause| pause.until)
    }

    /// Counts a failure. Returns whether everything fails.
    fn fails(&self, durable: &str, sequences: &[u64], backoff: Backoff, reason: &str) -> bool {
        let mut state = self.state();
        if state.pause.is_none() && state.count(sequences) < PAUSE_AFTER {
            return false;
        }
        let now = Instant::now();
        let is_first = state.pause.is_none();
        let pause = state.pause.get_or_insert(Pause { began: now, tries: 0, until: now, reported: now });
        // Handlers that were running when the pause began are no tries.
        if is_first || now >= pause.until {
            pause.tries = pause.tries.saturating_add(1);
            pause.until = now + backoff.after(pause.tries).min(MAX_PAUSE);
        }
        if is_first || pause.reported.elapsed() >= REPORT_INTERVAL {
            pause.reported = now;
            error!(
                durable,
                reason,
                tries = pause.tries,
                since = ?pause.began.elapsed(),
                "all events fail; the subscriber pauses and keeps them until one succeeds",
            );
        }
        true
    }

    fn end(&self, durable: &str) {
        let mut state = self.state();
        if let Some(pause) = std::mem::take(&mut *state).pause {
            info!(durable, paused = ?pause.began.elapsed(), "an event was handled; the subscriber goes on");
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Counts a failure, and returns how many events and batches have failed.
    fn count(&mut self, sequences: &[u64]) -> usize {
        if let [one] = sequences {
            self.alone.insert(*one);
        } else {
            let is_new = sequences.iter().all(|sequence| !self.in_batches.contains(sequence));
            self.batches += usize::from(is_new);
            self.in_batches.extend(sequences);
        }
        self.alone.len() + self.batches
    }
}
