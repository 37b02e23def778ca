//! How much time the machine has for the campaign. What other programs take from it, they take from
//! the servers and instances too, and limits of time are longer by that.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::history::History;

/// How often the machine is measured.
const INTERVAL: Duration = Duration::from_millis(250);
/// The work of one measurement: some milliseconds in a debug build.
const WORK: u64 = 300_000;
/// From what share of time on that is taken away it counts.
const MIN_SHARE: f64 = 0.6;

/// Measures until it is dropped.
#[derive(Debug)]
pub(crate) struct Machine(Arc<AtomicBool>);

impl Machine {
    /// Measures, and notes in the history what is taken away. The least time that the work has
    /// taken is what it takes.
    pub(crate) fn watch(history: &Arc<History>) -> Self {
        let (history, is_over) = (Arc::clone(history), Arc::new(AtomicBool::new(false)));
        let machine = Self(Arc::clone(&is_over));
        thread::spawn(move || {
            let mut least = Duration::MAX;
            while !is_over.load(Ordering::Relaxed) {
                let start = Instant::now();
                (0..WORK).for_each(|number| {
                    black_box(number);
                });
                let took = start.elapsed();
                least = least.min(took);
                let share = 1.0 - least.as_secs_f64() / took.as_secs_f64();
                if share > MIN_SHARE {
                    history.stalled((INTERVAL + took).mul_f64(share));
                }
                thread::sleep(INTERVAL);
            }
        });
        machine
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
