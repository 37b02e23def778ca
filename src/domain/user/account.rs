//! Names that the configuration gives: account types and roles.

use std::fmt;
use std::str::FromStr;

use super::UnknownName;

/// Longest name of an account type or a role, in bytes.
const MAX: usize = 32;

/// A lower-case letter, then lower-case letters, digits, `_` and `-`. Roles are stored separated by spaces.
fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    text.len() <= MAX
        && bytes.next().is_some_and(|first| first.is_ascii_lowercase())
        && bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-'))
}

/// What kind of account it is: one of the configured types, or one that was configured when the account was made.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountType(Box<str>);

impl AccountType {
    /// The name in the database, in events and in the API.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A person: the type of an account that names none.
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

/// What a user may do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Nearly every account has it.
    User,
    /// Comes with the account type `artist`.
    Artist,
    /// May do everything; the first one is made on the command line.
    Admin,
    /// A role of the deployment's own: it means something to other services.
    Other(Box<str>),
}

impl Role {
    /// The name in the database, in tokens and in the API.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::User => "user",
            Self::Artist => "artist",
            Self::Admin => "admin",
            Self::Other(name) => name,
        }
    }
}

impl FromStr for Role {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        match text {
            "user" => Ok(Self::User),
            "artist" => Ok(Self::Artist),
            "admin" => Ok(Self::Admin),
            other if is_name(other) => Ok(Self::Other(other.into())),
            _ => Err(UnknownName),
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
