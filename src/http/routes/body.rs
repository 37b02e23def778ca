//! Bodies that several routes share.

use std::str::FromStr;

use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Enum, Object};
use secrecy::ExposeSecret as _;
use uuid::Uuid;

use super::account_fields::ProfileBody;
use crate::actions::TokenPair;
use crate::domain::text::TextError;
use crate::domain::user::{self, User};
use crate::http::etag;
use crate::http::problem::{FieldError, Problem};
use crate::http::timestamp::Timestamp;

/// Tokens, and whose they are. Never cache it.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
pub struct Tokens {
    /// For `Authorization: Bearer`; a JWT (RFC 9068).
    pub access_token: String,
    /// For `/auth/refresh`, once: every refresh answers the next one.
    pub refresh_token: String,
    /// Always `Bearer`.
    pub token_type: TokenType,
    /// Seconds until the access token expires.
    pub expires_in: u64,
    /// Seconds until the refresh token expires if it is not used.
    pub refresh_expires_in: u64,
    /// The signed-in user.
    pub user: UserBody,
}

/// How the access token is to be sent (RFC 6750).
#[derive(Enum)]
pub enum TokenType {
    /// In the `Authorization` header.
    Bearer,
}

/// A user, as the user sees it.
#[derive(Object)]
#[oai(rename = "User", rename_all = "camelCase")]
pub struct UserBody {
    /// `UUIDv7`.
    pub id: Uuid,
    /// The address as it was given.
    pub email: String,
    /// Whether the address was confirmed.
    pub email_verified: bool,
    /// A second identifier to log in with.
    #[oai(skip_serializing_if_is_none)]
    pub username: Option<String>,
    /// The display name.
    #[oai(skip_serializing_if_is_none)]
    pub name: Option<String>,
    /// The kind of account: `user`, `artist` or another one that is configured.
    pub account_type: String,
    /// What the account says about itself, as the schema of its type wanted it when it was written.
    pub profile: ProfileBody,
    /// What the user may do.
    pub roles: Vec<String>,
    /// Whether the user may log in.
    pub status: UserStatus,
    /// When the account was made.
    pub created_at: Timestamp,
    /// When any of this last changed.
    pub updated_at: Timestamp,
}

/// Whether a user may log in.
#[derive(Clone, Copy, Enum)]
#[oai(rename_all = "snake_case")]
pub enum UserStatus {
    /// May.
    Active,
    /// Stopped by an administrator.
    Disabled,
    /// Gone.
    Deleted,
}

/// A user, and the version to change.
#[derive(ApiResponse)]
pub enum TaggedUser {
    /// The user as it is now.
    #[oai(status = 200)]
    Ok(
        Json<UserBody>,
        /// The version of the user, for `If-Match`.
        #[oai(header = "ETag")]
        String,
    ),
}

impl From<&User> for TaggedUser {
    fn from(user: &User) -> Self {
        Self::Ok(Json(UserBody::from(user)), etag::of(user))
    }
}

impl From<&User> for UserBody {
    fn from(user: &User) -> Self {
        Self {
            id: user.id.as_uuid(),
            email: user.email.clone(),
            email_verified: user.email_verified,
            username: user.username.clone(),
            name: user.name.clone(),
            account_type: user.account_type.to_string(),
            profile: user
                .profile
                .fields()
                .iter()
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
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

impl From<TokenPair> for Tokens {
    fn from(pair: TokenPair) -> Self {
        Self {
            access_token: pair.access.token.expose_secret().to_owned(),
            refresh_token: pair.refresh_token.expose_secret().to_owned(),
            token_type: TokenType::Bearer,
            expires_in: pair.access.expires_in,
            refresh_expires_in: pair.refresh_expires_in,
            user: UserBody::from(&pair.user),
        }
    }
}

/// Turns the fields of a body into domain types and collects what is wrong, so that a client learns it all at once.
#[derive(Default)]
pub struct Fields(Vec<FieldError>);

impl Fields {
    /// A required field.
    pub fn parse<T: FromStr<Err = TextError>>(&mut self, pointer: &str, text: &str) -> Option<T> {
        self.take(pointer, text.parse())
    }

    /// The outcome of a field.
    pub fn take<T>(&mut self, pointer: &str, outcome: Result<T, TextError>) -> Option<T> {
        outcome
            .inspect_err(|error| self.0.push(field_error(pointer, *error)))
            .ok()
    }

    /// Adds an error of several fields together.
    pub fn refuse(&mut self, error: FieldError) {
        self.0.push(error);
    }

    /// The values, when nothing was wrong.
    ///
    /// # Errors
    /// 422 with every field that is not acceptable.
    pub fn finish<T>(self, values: Option<T>) -> Result<T, Problem> {
        match values {
            Some(values) if self.0.is_empty() => Ok(values),
            _ => Err(Problem::validation(self.0)),
        }
    }
}

/// A refused text as the client sees it.
#[must_use]
pub fn field_error(pointer: &str, error: TextError) -> FieldError {
    FieldError::new(pointer, error.code(), error.to_string())
}
