//! Users: what they are called, what they may do and whether they may log in.

pub mod account;
pub mod account_types;
pub mod display_name;
pub mod email;
pub mod profile;
pub mod username;
pub mod version;

use std::fmt;

use time::OffsetDateTime;

pub use self::account::{AccountType, Role};
use self::profile::Profile;
use super::ids::UserId;

macro_rules! text_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$variant_doc])* $variant,)+ }

        impl $name {
            /// The name in the database and in the API.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::domain::user::UnknownName;

            fn from_str(text: &str) -> Result<Self, $crate::domain::user::UnknownName> {
                match text { $($text => Ok(Self::$variant),)+ _ => Err($crate::domain::user::UnknownName) }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
pub(crate) use text_enum;

/// A text that is none of the names of a closed set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown name")]
pub struct UnknownName;

text_enum! {
    /// Whether a user may log in and refresh.
    UserStatus {
        /// May.
        Active = "active",
        /// Stopped by an administrator.
        Disabled = "disabled",
        /// Gone; the row stays so that events keep their subject.
        Deleted = "deleted",
    }
}

/// A user as every part of the service sees it; the password's hash never leaves the store's own lookup.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// The id.
    pub id: UserId,
    /// The email address as given.
    pub email: String,
    /// Whether the address was confirmed.
    pub email_verified: bool,
    /// The second identifier, when there is one.
    pub username: Option<String>,
    /// The display name.
    pub name: Option<String>,
    /// The kind of account.
    pub account_type: AccountType,
    /// What the account says about itself.
    pub profile: Profile,
    /// What the user may do.
    pub roles: Vec<Role>,
    /// Whether the user may log in.
    pub status: UserStatus,
    /// Whether a login needs a second factor.
    pub second_factor: bool,
    /// When the account was made.
    pub created_at: OffsetDateTime,
    /// When anything above last changed.
    pub updated_at: OffsetDateTime,
}

impl User {
    /// Whether the user may see and do what is everybody's.
    #[must_use]
    pub fn is_admin(&self) -> bool {
        self.roles.contains(&Role::Admin)
    }
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User")
            .field("id", &self.id)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}
