//! Usernames: an identifier for logins besides the email address.

use std::str::FromStr;

use super::personal_text::personal_text;
use crate::domain::text::{self, TextError};

const MIN_LENGTH: usize = 3;
const MAX_LENGTH: usize = 50;

personal_text! {
    /// A username: 3 to 50 letters, digits, `.`, `_` or `-`, starting and ending with a letter or
    /// digit. Case does not count.
    Username { text, canonical }
}

impl FromStr for Username {
    type Err = TextError;

    fn from_str(name: &str) -> Result<Self, TextError> {
        let text = text::normalize(name, MIN_LENGTH, MAX_LENGTH)?;
        let allowed = text.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '-'));
        let framed = text.starts_with(char::is_alphanumeric) && text.ends_with(char::is_alphanumeric);
        if !allowed || !framed {
            return Err(TextError::Form(
                "must be letters, digits, '.', '_' or '-', and start and end with a letter or digit",
            ));
        }
        let canonical = super::email::canonical(&text);
        Ok(Self { text, canonical })
    }
}
