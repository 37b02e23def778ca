//! The problem of a mailed code.

use crate::http::problem::{FieldError, Problem, ProblemCode};

/// 422 for a code that is unknown, expired, used or replaced.
#[must_use]
pub fn invalid_code() -> Problem {
    let error = FieldError::new("/code", "invalid_code", "is not a code that works now");
    Problem::new(ProblemCode::InvalidCode).with_error(error)
}
