//! Users: identifiers, roles, profile and status.

pub mod account_type;
pub mod account_types;
pub mod display_name;
pub mod email;
pub mod identifier;
mod personal_text;
pub mod profile;
pub mod role;
pub mod username;
pub mod version;

use std::fmt;

use time::OffsetDateTime;

use self::account_type::AccountType;
use self::display_name::DisplayName;
use self::email::Email;
use self::profile::Profile;
use self::role::Role;
use self::username::Username;
use super::ids::UserId;
use super::text_enum::text_enum;

text_enum! {
    /// Whether a user may log in and refresh.
    UserStatus {
        Active = "active",
        /// Disabled by an administrator.
        Disabled = "disabled",
        /// The row stays, so that events keep their subject.
        Deleted = "deleted",
    }
}

/// A user as all parts of the service see it, without the password's hash.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    pub id: UserId,
    pub email: Email,
    pub email_verified: bool,
    pub username: Option<Username>,
    pub name: Option<DisplayName>,
    pub account_type: AccountType,
    pub profile: Profile,
    pub roles: Vec<Role>,
    pub status: UserStatus,
    /// Whether a login needs a second factor.
    pub second_factor: bool,
    pub created_at: OffsetDateTime,
    /// When a field above last changed.
    pub updated_at: OffsetDateTime,
}

impl User {
    #[must_use]
    pub fn is_admin(&self) -> bool {
        self.roles.contains(&Role::Admin)
    }

    /// What the user may log in with, in canonical form.
    pub fn identifiers(&self) -> impl Iterator<Item = &str> {
        let username = self.username.as_ref().map(Username::canonical);
        std::iter::once(self.email.canonical()).chain(username)
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
