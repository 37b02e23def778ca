//! Roles: three that the service knows, and those that the configuration defines.

use std::fmt;
use std::str::FromStr;

use super::account_type::is_name;
use crate::domain::text_enum::UnknownName;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// The default role of most account types.
    User,
    /// The default role of the account type `artist`.
    Artist,
    /// Has every right; the first one is granted on the command line.
    Admin,
    /// A configured role; it has a meaning for other services only.
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
