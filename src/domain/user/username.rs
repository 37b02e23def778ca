//! Usernames: an identifier for logins besides the email address.

use std::str::FromStr;

use crate::domain::text::{self, TextError};

const MIN_LENGTH: usize = 3;
const MAX_LENGTH: usize = 50;

/// A username: 3 to 50 letters, digits, `.`, `_` or `-`, starting and ending with a letter or
/// digit. Case does not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Username {
    name: String,
    canonical: String,
}

impl Username {
    /// The name as the user wrote it, in Unicode form C.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.name
    }

    /// The form that is compared and indexed.
    #[must_use]
    pub fn canonical(&self) -> &str {
        &self.canonical
    }
}

impl FromStr for Username {
    type Err = TextError;

    fn from_str(name: &str) -> Result<Self, TextError> {
        let name = text::normalize(name, MIN_LENGTH, MAX_LENGTH)?;
        let allowed = name
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '-'));
        let framed = name.starts_with(char::is_alphanumeric) && name.ends_with(char::is_alphanumeric);
        if !allowed || !framed {
            return Err(TextError::Form(
                "must be letters, digits, '.', '_' or '-', and start and end with a letter or digit",
            ));
        }
        let canonical = super::email::canonical(&name);
        Ok(Self { name, canonical })
    }
}
