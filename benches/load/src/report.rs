//! The results as a Markdown table on standard output; notes go to standard error.

use std::io::Write as _;

/// A target and its result.
pub(crate) struct Row {
    /// The measurement.
    pub(crate) what: &'static str,
    /// The target value.
    pub(crate) target: &'static str,
    /// The measured value.
    pub(crate) measured: String,
    /// Whether the target is met.
    pub(crate) met: bool,
}

impl Row {
    pub(crate) fn print(&self) {
        let met = if self.met { "met" } else { "MISSED" };
        line(&format!("| {} | {} | {} | {met} |", self.what, self.target, self.measured));
    }
}

pub(crate) fn head() {
    line("| what | target | measured | |\n|---|---|---|---|");
}

fn line(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// Prints a note.
pub(crate) fn note(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
