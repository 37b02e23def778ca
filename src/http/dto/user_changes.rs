//! The bodies of /users.

use poem_openapi::Object;
use poem_openapi::types::Example;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::account::{self, ProfileBody, profile_fields};
use super::user::{Fields, UserBody};
use crate::actions::accounts::change::{Change, ProfileChange};
use crate::actions::accounts::register;
use crate::actions::users::create;
use crate::domain::password::Password;
use crate::domain::user::AccountType;
use crate::http::payload::Patch;
use crate::http::problem::Problem;

/// Whom to make an account for.
#[derive(Object, Deserialize)]
#[oai(rename_all = "camelCase", deny_unknown_fields, example)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewUser {
    /// The address; one account per address, regardless of case.
    #[oai(validator(max_length = 254))]
    email: String,
    /// At least 8 characters unless configured otherwise, at most 128; no rules about their kinds.
    #[oai(validator(max_length = 128))]
    password: String,
    /// The display name, 1 to 100 characters.
    #[oai(skip_serializing_if_is_none)]
    name: Option<String>,
    /// A second identifier to log in with: 3 to 50 letters, digits, `.`, `_` or `-`; unique regardless of case.
    #[oai(skip_serializing_if_is_none)]
    username: Option<String>,
    /// The kind of account: `user`, `artist` or another one that is configured; `user` when left out.
    #[oai(skip_serializing_if_is_none, validator(max_length = 32))]
    account_type: Option<String>,
    /// What the user may do; what the account type says when left out.
    #[oai(skip_serializing_if_is_none, validator(max_items = 32))]
    roles: Option<Vec<String>>,
    /// What the account says about itself, as the schema of its type wants it; at most 4 KiB.
    #[oai(skip_serializing_if_is_none)]
    profile: Option<ProfileBody>,
}

impl Example for NewUser {
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

/// All that an administrator may change of an account: what is left out is removed.
#[derive(Object, Deserialize)]
#[oai(rename_all = "camelCase", deny_unknown_fields, example)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UserReplacement {
    /// The address; another one is not confirmed yet.
    #[oai(validator(max_length = 254))]
    email: String,
    /// The display name, 1 to 100 characters.
    #[oai(skip_serializing_if_is_none)]
    name: Option<String>,
    /// A second identifier to log in with.
    #[oai(skip_serializing_if_is_none)]
    username: Option<String>,
    /// The kind of account. The roles stay as they are.
    #[oai(validator(max_length = 32))]
    account_type: String,
    /// What the account says about itself.
    #[oai(skip_serializing_if_is_none)]
    profile: Option<ProfileBody>,
}

impl Example for UserReplacement {
    fn example() -> Self {
        Self {
            email: "ada@example.com".to_owned(),
            name: Some("Ada Lovelace".to_owned()),
            username: Some("ada".to_owned()),
            account_type: "user".to_owned(),
            profile: Some([("country".to_owned(), json!("UK"))].into()),
        }
    }
}

/// What to change of an account: a field that is left out stays, `null` removes it.
#[derive(Object, Deserialize)]
#[oai(rename_all = "camelCase", deny_unknown_fields, example)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UserPatch {
    /// The address; another one is not confirmed yet. For administrators.
    #[oai(skip_serializing_if_is_none, validator(max_length = 254))]
    email: Option<String>,
    /// The display name, 1 to 100 characters.
    #[oai(default)]
    #[serde(default)]
    name: Patch<String>,
    /// A second identifier to log in with: 3 to 50 letters, digits, `.`, `_` or `-`; unique regardless of case.
    #[oai(default)]
    #[serde(default)]
    username: Patch<String>,
    /// The kind of account. The roles stay as they are. For administrators.
    #[oai(skip_serializing_if_is_none, validator(max_length = 32))]
    account_type: Option<String>,
    /// Merged into the profile (RFC 7396): `null` removes a field, or the whole profile.
    #[oai(default)]
    #[serde(default)]
    profile: Patch<ProfileBody>,
}

impl Example for UserPatch {
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

/// A part of the list of users.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
pub struct UserList {
    /// Newest first.
    pub users: Vec<UserBody>,
    /// How many users there are in all. Counted up to 10 000.
    pub total_count: u64,
    /// False when there are more than were counted.
    pub total_count_exact: bool,
    /// The page asked for, from 1; absent when `after` was given.
    #[oai(skip_serializing_if_is_none)]
    pub current_page: Option<u64>,
    /// How many pages of this size the counted users make.
    pub total_pages: u64,
    /// Whether there are more users behind these.
    pub has_next_page: bool,
    /// Whether there are users before these.
    pub has_prev_page: bool,
    /// Where the next page begins: send it as `after`. Absent at the end.
    #[oai(skip_serializing_if_is_none)]
    pub next: Option<Uuid>,
}

impl NewUser {
    /// The body as the action wants it.
    ///
    /// # Errors
    /// 422 with every field that is not acceptable.
    pub fn parse(self) -> Result<create::Input, Problem> {
        let mut fields = Fields::default();
        let email = fields.parse("/email", &self.email);
        let password = fields.take("/password", Password::parse(&self.password));
        let name = self.name.map(|name| fields.parse("/name", &name));
        let username = self.username.map(|name| fields.parse("/username", &name));
        let given = self.account_type.as_deref();
        let account_type = given.map_or_else(
            || Some(AccountType::user()),
            |text| account::account_type(&mut fields, text),
        );
        let roles = self.roles.map(|texts| account::roles(&mut fields, &texts));
        let required = email.zip(password).zip(account_type);
        let input = required.map(|((email, password), account_type)| create::Input {
            account: register::Input {
                email,
                password,
                name: name.flatten(),
                username: username.flatten(),
                account_type,
                profile: self.profile.map(profile_fields),
                idempotency_key: None,
            },
            roles: roles.flatten(),
        });
        fields.finish(input)
    }
}

impl UserReplacement {
    /// The body as the action wants it.
    ///
    /// # Errors
    /// 422 with every field that is not acceptable.
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

impl UserPatch {
    /// The body as the action wants it.
    ///
    /// # Errors
    /// 422 with every field that is not acceptable.
    pub fn parse(self) -> Result<Change, Problem> {
        let mut fields = Fields::default();
        let email = self.email.and_then(|email| fields.parse("/email", &email));
        let account_type = self
            .account_type
            .and_then(|text| account::account_type(&mut fields, &text));
        let own = own_change(&mut fields, self.name, self.username, self.profile);
        fields.finish(Some(Change {
            email,
            account_type,
            ..own
        }))
    }
}

/// What everybody may change of themselves.
pub fn own_change(
    fields: &mut Fields,
    name: Patch<String>,
    username: Patch<String>,
    profile: Patch<ProfileBody>,
) -> Change {
    let name = name
        .into_option()
        .map(|name| name.map(|name| fields.parse("/name", &name)));
    let username = username
        .into_option()
        .map(|name| name.map(|name| fields.parse("/username", &name)));
    let profile = profile.into_option().map(|profile| match profile {
        Some(patch) => ProfileChange::Merge(profile_fields(patch)),
        None => ProfileChange::Replace(profile_fields(ProfileBody::new())),
    });
    Change {
        name: name.map(Option::flatten),
        username: username.map(Option::flatten),
        profile,
        ..Change::default()
    }
}
