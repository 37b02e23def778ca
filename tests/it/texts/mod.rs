//! The texts for users and operators: the body of every problem, and the output of the commands.
//!
//! Each text has a snapshot in `snapshots/`. A text that differs from its snapshot, or has none,
//! fails its test. `make snapshots` writes the snapshots; review the difference before you commit.
#![expect(clippy::indexing_slicing, reason = "a missing field fails the test")]

mod commands;
mod problems;

pub(crate) use problems::assert_problem;

use crate::support::run_dir::repository;

/// Compares a text with its snapshot.
fn assert_text(name: &str, text: &str) {
    let mut settings = insta::Settings::new();
    settings.set_snapshot_path(repository().join("tests/it/texts/snapshots"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}
