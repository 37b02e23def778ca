//! A user, as responses show them.

use poem_openapi::payload::Json;
use poem_openapi::{Enum, Object};
use uuid::Uuid;

use super::account::ProfileBody;
use crate::domain::user::{self, User};
use crate::http::etag;
use crate::http::responses::Tagged;
use crate::http::timestamp::Timestamp;

/// A user.
#[derive(Object)]
#[oai(rename = "User", rename_all = "camelCase")]
pub struct UserBody {
    /// ID of the user (`UUIDv7`).
    pub id: Uuid,
    /// Email address, spelled as it was entered.
    pub email: String,
    /// Whether the email address is verified.
    pub email_verified: bool,
    /// Second identifier to log in with.
    #[oai(skip_serializing_if_is_none)]
    pub username: Option<String>,
    /// Display name.
    #[oai(skip_serializing_if_is_none)]
    pub name: Option<String>,
    /// Account type: `user`, `artist` or another configured type.
    pub account_type: String,
    /// Profile, valid by the schema of its account type when it was written.
    pub profile: ProfileBody,
    /// Roles of the user.
    pub roles: Vec<String>,
    /// Whether the user may log in.
    pub status: UserStatus,
    /// When the account was created.
    pub created_at: Timestamp,
    /// When the user last changed.
    pub updated_at: Timestamp,
}

/// Whether a user may log in.
#[derive(Clone, Copy, Enum)]
#[oai(rename_all = "snake_case")]
pub enum UserStatus {
    /// The user may log in.
    Active,
    /// An administrator has disabled the user.
    Disabled,
    /// The account is deleted.
    Deleted,
}

impl From<User> for UserBody {
    fn from(user: User) -> Self {
        Self::from(&user)
    }
}

impl From<&User> for UserBody {
    fn from(user: &User) -> Self {
        Self {
            id: user.id.as_uuid(),
            email: (&user.email).into(),
            email_verified: user.email_verified,
            username: user.username.as_ref().map(Into::into),
            name: user.name.as_ref().map(Into::into),
            account_type: user.account_type.to_string(),
            profile: user.profile.fields().iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
            roles: user.roles.iter().map(ToString::to_string).collect(),
            status: match user.status {
                user::UserStatus::Active => UserStatus::Active,
                user::UserStatus::Disabled => UserStatus::Disabled,
                user::UserStatus::Deleted => UserStatus::Deleted,
            },
            created_at: user.created_at.into(),
            updated_at: user.updated_at.into(),
        }
    }
}

impl From<&User> for Tagged<UserBody> {
    fn from(user: &User) -> Self {
        Self::Ok(Json(user.into()), etag::of(user))
    }
}
