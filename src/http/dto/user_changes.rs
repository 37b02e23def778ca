//! The bodies of `/users`, and the changes that `/auth/me` accepts.

use poem_openapi::Object;
use poem_openapi::types::Example;
use serde::Deserialize;
use serde_json::{Map, json};
use uuid::Uuid;

use super::account::{self, ProfileBody, RegisterRequest, profile_fields};
use super::user::UserBody;
use crate::actions::accounts::change::{Change, ProfileChange};
use crate::actions::accounts::update;
use crate::actions::users::create;
use crate::http::fields::Fields;
use crate::http::payload::{Patch, ReadOnly};
use crate::http::problem::{Problem, ProblemCode};
use crate::http::timestamp::Timestamp;

/// A user to create.
#[derive(Object, Deserialize)]
#[oai(rename_all = "camelCase", deny_unknown_fields, example)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateUserRequest {
    /// Email address; unique among accounts, regardless of case.
    #[oai(validator(max_length = 254))]
    email: String,
    /// Password, 8 to 128 characters of any kind; the minimum is configurable.
    #[oai(validator(max_length = 128))]
    password: String,
    /// Display name, 1 to 100 characters.
    #[oai(skip_serializing_if_is_none)]
    name: Option<String>,
    /// Second identifier to log in with: 3 to 50 letters, digits, `.`, `_` or `-`; unique
    /// regardless of case.
    #[oai(skip_serializing_if_is_none)]
    username: Option<String>,
    /// Account type: `user`, `artist` or another configured type. Defaults to `user`.
    #[oai(skip_serializing_if_is_none, validator(max_length = 32))]
    account_type: Option<String>,
    /// Roles of the user. Defaults to those of the account type.
    #[oai(skip_serializing_if_is_none, validator(max_items = 32))]
    roles: Option<Vec<String>>,
    /// Profile, valid by the schema of the account type; at most 4 KiB.
    #[oai(skip_serializing_if_is_none)]
    profile: Option<ProfileBody>,
}

impl Example for CreateUserRequest {
    fn example() -> Self {
        let profile = [("author", json!("Ada")), ("country", json!("UK"))];
        Self {
            email: "ada@example.com".to_owned(),
            password: "password123!x".to_owned(),
            name: Some("Ada Lovelace".to_owned()),
            username: Some("ada".to_owned()),
            account_type: Some("artist".to_owned()),
            roles: None,
            profile: Some(profile.map(|(name, value)| (name.to_owned(), value)).into()),
        }
    }
}

/// A user in place of the current one: exactly `email`, `username`, `name`, `accountType` and
/// `profile` are replaced, and those that are left out are removed. The other fields of a `User`
/// and of a `ListedUser` are accepted, as `GET` returned them, and ignored. Fields that later
/// versions add change only when they are sent.
#[derive(Object, Deserialize)]
#[oai(rename_all = "camelCase", deny_unknown_fields, example)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReplaceUserRequest {
    /// Email address. A new address is not verified.
    #[oai(validator(max_length = 254))]
    email: String,
    /// Display name, 1 to 100 characters.
    #[oai(skip_serializing_if_is_none)]
    name: Option<String>,
    /// Second identifier to log in with.
    #[oai(skip_serializing_if_is_none)]
    username: Option<String>,
    /// Account type. The roles do not change.
    #[oai(validator(max_length = 32))]
    account_type: String,
    /// Profile, valid by the schema of the account type; at most 4 KiB.
    #[oai(skip_serializing_if_is_none)]
    profile: Option<ProfileBody>,
    /// Ignored.
    #[oai(read_only, skip_serializing_if_is_none, default)]
    #[serde(default)]
    id: ReadOnly<Uuid>,
    /// Ignored.
    #[oai(read_only, skip_serializing_if_is_none, default)]
    #[serde(default)]
    email_verified: ReadOnly<bool>,
    /// Ignored: roles have routes of their own.
    #[oai(read_only, skip_serializing_if_is_none, default)]
    #[serde(default)]
    roles: ReadOnly<Vec<String>>,
    /// Ignored: `/users/{id}/disable` and `/users/{id}/enable` change it.
    #[oai(read_only, skip_serializing_if_is_none, default)]
    #[serde(default)]
    status: ReadOnly<String>,
    /// Ignored.
    #[oai(read_only, skip_serializing_if_is_none, default)]
    #[serde(default)]
    created_at: ReadOnly<Timestamp>,
    /// Ignored.
    #[oai(read_only, skip_serializing_if_is_none, default)]
    #[serde(default)]
    updated_at: ReadOnly<Timestamp>,
    /// Ignored; lists have it.
    #[oai(read_only, skip_serializing_if_is_none, default)]
    #[serde(default)]
    user_seq: ReadOnly<i64>,
}

impl Example for ReplaceUserRequest {
    fn example() -> Self {
        Self {
            email: "ada@example.com".to_owned(),
            name: Some("Ada Lovelace".to_owned()),
            username: Some("ada".to_owned()),
            account_type: "user".to_owned(),
            profile: Some([("country".to_owned(), json!("UK"))].into()),
            id: ReadOnly::default(),
            email_verified: ReadOnly::default(),
            roles: ReadOnly::default(),
            status: ReadOnly::default(),
            created_at: ReadOnly::default(),
            updated_at: ReadOnly::default(),
            user_seq: ReadOnly::default(),
        }
    }
}

/// What to change of a user. A field that is left out stays; `null` removes it.
#[derive(Object, Deserialize)]
#[oai(rename_all = "camelCase", deny_unknown_fields, example)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UpdateUserRequest {
    /// Email address, for administrators. A new address is not verified.
    #[oai(skip_serializing_if_is_none, validator(max_length = 254))]
    email: Option<String>,
    /// Display name, 1 to 100 characters.
    #[oai(default)]
    #[serde(default)]
    name: Patch<String>,
    /// Second identifier to log in with: 3 to 50 letters, digits, `.`, `_` or `-`; unique
    /// regardless of case.
    #[oai(default)]
    #[serde(default)]
    username: Patch<String>,
    /// Account type, for administrators. The roles do not change.
    #[oai(skip_serializing_if_is_none, validator(max_length = 32))]
    account_type: Option<String>,
    /// Fields to merge into the profile (RFC 7396). `null` removes a field, or the whole profile.
    #[oai(default)]
    #[serde(default)]
    profile: Patch<ProfileBody>,
}

impl Example for UpdateUserRequest {
    fn example() -> Self {
        Self {
            email: None,
            name: Patch::Set("Ada Lovelace".to_owned()),
            username: Patch::Keep,
            account_type: None,
            profile: Patch::Set([("country".to_owned(), json!("UK"))].into()),
        }
    }
}

/// What to change of the account. A field that is left out stays; `null` removes it.
#[derive(Object, Deserialize)]
#[oai(rename_all = "camelCase", deny_unknown_fields)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UpdateMeRequest {
    /// Display name, 1 to 100 characters.
    #[oai(default)]
    #[serde(default)]
    name: Patch<String>,
    /// Second identifier to log in with: 3 to 50 letters, digits, `.`, `_` or `-`; unique
    /// regardless of case.
    #[oai(default)]
    #[serde(default)]
    username: Patch<String>,
    /// Fields to merge into the profile (RFC 7396). `null` removes a field, or the whole profile.
    #[oai(default)]
    #[serde(default)]
    profile: Patch<ProfileBody>,
}

/// A user in a list.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
pub struct ListedUser {
    #[oai(flatten)]
    pub user: UserBody,
    /// `userSeq` of the last event about the user. The fields are as this event left them: a copy
    /// that begins with them continues with the events whose `userSeq` is higher.
    pub user_seq: i64,
}

/// A page of users.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
pub struct UserList {
    /// Users, newest first.
    pub users: Vec<ListedUser>,
    /// Number of users on all pages, counted up to 10 000.
    pub total_count: u64,
    /// Whether `totalCount` counts all users.
    pub total_count_exact: bool,
    /// Number of this page, from 1; absent when `after` was sent.
    #[oai(skip_serializing_if_is_none)]
    pub current_page: Option<u64>,
    /// Number of pages of this size that the counted users fill.
    pub total_pages: u64,
    /// Whether another page follows.
    pub has_next_page: bool,
    /// Whether a page precedes this one.
    pub has_prev_page: bool,
    /// Cursor of the next page: send it as `after`. Absent on the last page.
    #[oai(skip_serializing_if_is_none, validator(max_length = 512))]
    pub next: Option<String>,
    /// Cursor of the end of the ledger before this page was read: `/events/stream` continues from
    /// that of the first page with every change that the pages may not show.
    #[oai(validator(max_length = 512))]
    pub position: String,
}

impl CreateUserRequest {
    /// # Errors
    /// 422 with every field that is refused.
    pub fn parse(self) -> Result<create::Input, Problem> {
        let mut fields = Fields::default();
        let account = RegisterRequest {
            email: self.email,
            password: self.password,
            name: self.name,
            username: self.username,
            account_type: self.account_type,
            profile: self.profile,
        };
        let account = account.parse_into(&mut fields);
        let roles = self.roles.and_then(|texts| account::roles(&mut fields, &texts));
        fields.finish(account.map(|account| create::Input { account, roles }))
    }
}

impl ReplaceUserRequest {
    /// # Errors
    /// 422 with every field that is refused.
    pub fn parse(self) -> Result<Change, Problem> {
        let mut fields = Fields::default();
        let email = fields.parse("/email", &self.email);
        let name = self.name.and_then(|name| fields.parse("/name", &name));
        let username = self.username.and_then(|name| fields.parse("/username", &name));
        let account_type = account::account_type(&mut fields, &self.account_type);
        let profile = ProfileChange::Replace(self.profile.map(profile_fields).unwrap_or_default());
        fields.finish(Some(Change {
            email,
            username: Some(username),
            name: Some(name),
            account_type,
            profile: Some(profile),
        }))
    }
}

impl UpdateUserRequest {
    /// # Errors
    /// 422 with every field that is refused.
    pub fn parse(self) -> Result<Change, Problem> {
        let mut fields = Fields::default();
        let email = self.email.and_then(|email| fields.parse("/email", &email));
        let account_type = self.account_type.and_then(|text| account::account_type(&mut fields, &text));
        let name = self.name.into_option();
        let name = name.map(|name| name.and_then(|name| fields.parse("/name", &name)));
        let username = self.username.into_option();
        let username = username.map(|name| name.and_then(|name| fields.parse("/username", &name)));
        let profile = self.profile.into_option().map(|profile| match profile {
            Some(patch) => ProfileChange::Merge(profile_fields(patch)),
            None => ProfileChange::Replace(Map::new()),
        });
        fields.finish(Some(Change { email, username, name, account_type, profile }))
    }
}

impl UpdateMeRequest {
    /// # Errors
    /// 422 with every field that is refused.
    pub fn parse(self) -> Result<Change, Problem> {
        let patch = UpdateUserRequest {
            email: None,
            name: self.name,
            username: self.username,
            account_type: None,
            profile: self.profile,
        };
        patch.parse()
    }
}

impl From<update::Refusal> for Problem {
    fn from(refusal: update::Refusal) -> Self {
        match refusal {
            update::Refusal::Forbidden => Self::new(ProblemCode::Forbidden),
            update::Refusal::SessionEnded => Self::new(ProblemCode::InvalidToken),
            update::Refusal::Stale => Self::new(ProblemCode::PreconditionFailed),
            update::Refusal::Change(refusal) => refusal.into(),
        }
    }
}
