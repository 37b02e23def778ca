//! Display names.

use std::fmt;
use std::str::FromStr;

use crate::domain::text::{self, TextError};

/// A display name of 1 to 100 characters. `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct DisplayName(String);

impl DisplayName {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for DisplayName {
    type Err = TextError;

    fn from_str(name: &str) -> Result<Self, TextError> {
        let name = text::normalize(name.trim(), 1, 100)?;
        if name.chars().any(text::is_deceptive) {
            return Err(TextError::Form("must not contain invisible characters"));
        }
        Ok(Self(name))
    }
}

impl fmt::Debug for DisplayName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DisplayName(***)")
    }
}
