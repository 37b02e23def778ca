//! Users: identifiers, roles, profile and status.

pub mod account_type;
pub mod account_types;
pub mod display_name;
pub mod email;
pub mod profile;
pub mod role;
pub mod username;
pub mod version;

use std::fmt;

use time::OffsetDateTime;

use self::account_type::AccountType;
use self::profile::Profile;
use self::role::Role;
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
    /// As the user wrote it, in Unicode form C.
    pub email: String,
    pub email_verified: bool,
    pub username: Option<String>,
    /// The display name.
    pub name: Option<String>,
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
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User")
            .field("id", &self.id)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}
