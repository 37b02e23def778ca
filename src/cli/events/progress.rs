//! Progress on standard error: a bar on a terminal, a line every few seconds elsewhere.

use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::app::commands::events::Progress;

/// Time between two lines where standard error is not a terminal.
const LINE_INTERVAL: Duration = Duration::from_secs(5);

const TEMPLATE: &str = "{msg} [{bar:40}] {human_pos}/{human_len} events, {per_sec}, {eta} left";

/// Where a command shows its progress.
pub(super) struct ProgressView {
    what: &'static str,
    view: View,
    total: u64,
}

enum View {
    Bar(ProgressBar),
    Lines { last: Instant },
}

impl ProgressView {
    pub(super) fn new(what: &'static str) -> Self {
        let view = if std::io::stderr().is_terminal() {
            let style = ProgressStyle::with_template(TEMPLATE).unwrap_or_else(|_| ProgressStyle::default_bar());
            View::Bar(ProgressBar::new(0).with_message(what).with_style(style))
        } else {
            View::Lines { last: Instant::now() }
        };
        Self { what, view, total: 0 }
    }

    /// Print a message beside the progress.
    pub(super) fn say(&self, text: &str) {
        let write = || {
            let _ = writeln!(std::io::stderr(), "{text}");
        };
        match &self.view {
            View::Bar(bar) => bar.suspend(write),
            View::Lines { .. } => write(),
        }
    }

    /// Remove the bar.
    pub(super) fn end(self) {
        if let View::Bar(bar) = self.view {
            bar.finish_and_clear();
        }
    }
}

impl Progress for ProgressView {
    fn total(&mut self, events: u64) {
        self.total = events;
        if let View::Bar(bar) = &self.view {
            bar.set_length(events);
        }
    }

    fn done(&mut self, events: u64) {
        match &mut self.view {
            View::Bar(bar) => bar.set_position(events),
            View::Lines { last } => {
                if last.elapsed() >= LINE_INTERVAL {
                    *last = Instant::now();
                    self.say(&format!("{}: {events} of {} events", self.what, self.total));
                }
            }
        }
    }
}
