//! An error with its causes, on one line.

use std::error::Error;
use std::fmt;

/// Display an error and its causes: `the database is not available: pool timed out`. A cause that
/// is already part of the text is left out.
pub fn error_chain(error: &dyn Error) -> impl fmt::Display {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}
