//! What was measured, as rows of a Markdown table on standard output; remarks go to standard error.

use std::io::Write as _;

/// One target and what came out.
pub(crate) struct Row {
    /// What is measured.
    pub(crate) what: &'static str,
    /// What it should be.
    pub(crate) target: &'static str,
    /// What it is.
    pub(crate) measured: String,
    /// Whether that is good enough.
    pub(crate) met: bool,
}

impl Row {
    /// Writes the row.
    pub(crate) fn print(&self) {
        let met = if self.met { "met" } else { "MISSED" };
        line(&format!(
            "| {} | {} | {} | {met} |",
            self.what, self.target, self.measured
        ));
    }
}

/// Writes the table's head.
pub(crate) fn head() {
    line("| what | target | measured | |\n|---|---|---|---|");
}

fn line(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// Says something beside the table.
pub(crate) fn note(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
