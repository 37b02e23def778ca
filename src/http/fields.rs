//! Turns the fields of a body into domain types and collects what is wrong, so that a client learns
//! all of it at once.

use std::str::FromStr;

use super::problem::{FieldError, Problem};
use crate::domain::text::TextError;

/// The field errors of one request.
#[derive(Default)]
pub struct Fields(Vec<FieldError>);

impl Fields {
    /// Parse a required field.
    pub fn parse<T: FromStr<Err = TextError>>(&mut self, pointer: &str, text: &str) -> Option<T> {
        self.take(pointer, text.parse())
    }

    /// Take the value of a field that was parsed, or its error.
    pub fn take<T>(&mut self, pointer: &str, parsed: Result<T, TextError>) -> Option<T> {
        parsed.inspect_err(|error| self.0.push(field_error(pointer, *error))).ok()
    }

    /// Add an error.
    pub fn refuse(&mut self, error: FieldError) {
        self.0.push(error);
    }

    /// Add the errors of `other`.
    pub fn append(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Return the values when there is no error.
    ///
    /// # Errors
    /// 422 with all of them.
    pub fn finish<T>(self, values: Option<T>) -> Result<T, Problem> {
        match values {
            Some(values) if self.0.is_empty() => Ok(values),
            _ => Err(Problem::validation(self.0)),
        }
    }
}

/// Return the value of a body's only field.
///
/// # Errors
/// 422 with its error.
pub fn only_field<T>(pointer: &str, parsed: Result<T, TextError>) -> Result<T, Problem> {
    parsed.map_err(|error| field_error(pointer, error).into())
}

/// The field error of a text that was refused.
#[must_use]
pub fn field_error(pointer: &str, error: TextError) -> FieldError {
    FieldError::new(pointer, error.code(), error.to_string())
}
