//! Account types: names that the configuration defines.

use std::fmt;
use std::str::FromStr;

use crate::domain::text_enum::UnknownName;

const MAX_NAME_BYTES: usize = 32;

/// Whether `text` can name an account type or a role: a lower-case letter, then lower-case letters,
/// digits, `_` and `-`. Names have no spaces, since roles are stored separated by spaces.
pub(super) fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    text.len() <= MAX_NAME_BYTES
        && bytes.next().is_some_and(|first| first.is_ascii_lowercase())
        && bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-'))
}

/// A configured account type, or one that was configured when the account was created.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountType(Box<str>);

impl AccountType {
    /// The name in the database, in events and in the API.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A person: the default type.
    #[must_use]
    pub fn user() -> Self {
        Self("user".into())
    }
}

impl FromStr for AccountType {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        is_name(text).then(|| Self(text.into())).ok_or(UnknownName)
    }
}

impl fmt::Display for AccountType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
