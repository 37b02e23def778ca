//! Display names.

use std::str::FromStr;

use super::personal_text::personal_text;
use crate::domain::text::{self, TextError};

personal_text! {
    /// A display name of 1 to 100 characters.
    DisplayName { text }
}

impl FromStr for DisplayName {
    type Err = TextError;

    fn from_str(name: &str) -> Result<Self, TextError> {
        let text = text::normalize(text::trim(name), 1, 100)?;
        if text::has_deceptive(&text) {
            return Err(TextError::Form("must not contain invisible characters"));
        }
        Ok(Self { text })
    }
}
