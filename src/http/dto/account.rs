//! Fields of requests about accounts, and the problems that they share.

use std::collections::BTreeMap;

use poem_openapi::Object;
use poem_openapi::types::Example;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::actions::accounts::change::ProfileError;
use crate::actions::accounts::identifier_taken::IdentifierTaken;
use crate::actions::accounts::{change, registration};
use crate::domain::password::Password;
use crate::domain::user::account_type::AccountType;
use crate::domain::user::account_types::SchemaViolation;
use crate::domain::user::role::Role;
use crate::http::fields::{Fields, field_error};
use crate::http::parameters::ParamError;
use crate::http::payload::pointer_to;
use crate::http::problem::{FieldError, Problem, ProblemCode};

/// A profile in a body.
pub type ProfileBody = BTreeMap<String, Value>;

/// An account to register.
#[derive(Object, Deserialize)]
#[oai(rename_all = "camelCase", deny_unknown_fields, example)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RegisterRequest {
    /// Email address; unique among accounts, regardless of case.
    #[oai(validator(max_length = 254))]
    pub email: String,
    /// Password, 8 to 128 characters of any kind; the minimum is configurable.
    #[oai(validator(max_length = 128))]
    pub password: String,
    /// Display name, 1 to 100 characters.
    #[oai(skip_serializing_if_is_none)]
    pub name: Option<String>,
    /// Second identifier to log in with: 3 to 50 letters, digits, `.`, `_` or `-`; unique
    /// regardless of case.
    #[oai(skip_serializing_if_is_none)]
    pub username: Option<String>,
    /// Account type: `user`, `artist` or another configured type. Defaults to `user`.
    #[oai(skip_serializing_if_is_none, validator(max_length = 32))]
    pub account_type: Option<String>,
    /// Profile, valid by the schema of the account type; at most 4 KiB.
    #[oai(skip_serializing_if_is_none)]
    pub profile: Option<ProfileBody>,
}

impl Example for RegisterRequest {
    fn example() -> Self {
        Self {
            email: "test@example.com".to_owned(),
            password: "password123!x".to_owned(),
            name: Some("Test User".to_owned()),
            username: None,
            account_type: None,
            profile: None,
        }
    }
}

impl RegisterRequest {
    /// # Errors
    /// 422 with every field that is refused.
    pub fn parse(self) -> Result<registration::Input, Problem> {
        let mut fields = Fields::default();
        let input = self.parse_into(&mut fields);
        fields.finish(input)
    }

    /// Parse the fields; `None` when one of them is refused.
    pub fn parse_into(self, fields: &mut Fields) -> Option<registration::Input> {
        let email = fields.parse("/email", &self.email);
        let password = fields.take("/password", Password::parse(&self.password));
        let name = self.name.and_then(|name| fields.parse("/name", &name));
        let username = self.username.and_then(|name| fields.parse("/username", &name));
        let account_type = match &self.account_type {
            Some(text) => account_type(fields, text),
            None => Some(AccountType::user()),
        };
        Some(registration::Input {
            email: email?,
            password: password?,
            name,
            username,
            account_type: account_type?,
            profile: self.profile.map(profile_fields),
            idempotency_key: None,
        })
    }
}

/// A profile for actions.
#[must_use]
pub fn profile_fields(body: ProfileBody) -> Map<String, Value> {
    body.into_iter().collect()
}

/// Parse an account type. Whether it is configured, the action checks.
pub fn account_type(fields: &mut Fields, text: &str) -> Option<AccountType> {
    let parsed = text.parse();
    if parsed.is_err() {
        fields.refuse(unknown_type());
    }
    parsed.ok()
}

/// Parse roles. Whether they are configured, the action checks.
pub fn roles(fields: &mut Fields, texts: &[String]) -> Option<Vec<Role>> {
    let parsed: Result<Vec<Role>, _> = texts.iter().map(|text| text.parse()).collect();
    if parsed.is_err() {
        fields.refuse(unknown_role().at("/roles"));
    }
    parsed.ok()
}

/// The error of a role that is not configured.
#[must_use]
pub fn unknown_role() -> ParamError {
    ParamError::new("unknown_role", "must be a role that is configured")
}

fn unknown_type() -> FieldError {
    FieldError::new("/accountType", "unknown_account_type", "must be one of the configured account types")
}

impl From<registration::Refusal> for Problem {
    fn from(refusal: registration::Refusal) -> Self {
        match refusal {
            registration::Refusal::Password(error) => field_error("/password", error).into(),
            registration::Refusal::Profile(error) => error.into(),
            registration::Refusal::Taken(taken) => taken.into(),
            registration::Refusal::Key(refusal) => refusal.into(),
        }
    }
}

impl From<change::Refusal> for Problem {
    fn from(refusal: change::Refusal) -> Self {
        match refusal {
            change::Refusal::Profile(error) => error.into(),
            change::Refusal::Taken(taken) => taken.into(),
        }
    }
}

impl From<IdentifierTaken> for Problem {
    fn from(taken: IdentifierTaken) -> Self {
        Self::new(match taken {
            IdentifierTaken::Email => ProblemCode::EmailTaken,
            IdentifierTaken::Username => ProblemCode::UsernameTaken,
        })
    }
}

impl From<ProfileError> for Problem {
    fn from(error: ProfileError) -> Self {
        match error {
            ProfileError::UnknownType => unknown_type().into(),
            ProfileError::TooLarge => {
                FieldError::new("/profile", "too_large", "must be at most 4 KiB as compact JSON").into()
            }
            ProfileError::Violations(violations) => Self::validation(violations.iter().map(violated).collect()),
        }
    }
}

/// Where the schema is violated, and which of its rules. Names that the client made up are not
/// repeated.
fn violated(violation: &SchemaViolation) -> FieldError {
    let mut pointer = String::from("/profile");
    for name in violation.pointer.split('/').skip(1) {
        let step = pointer_to(name);
        if step.is_empty() {
            break;
        }
        pointer.push_str(&step);
    }
    let keyword = &violation.keyword;
    let detail = format!("does not satisfy `{keyword}` of its account type's schema");
    FieldError::new(pointer, snake_case(keyword), detail)
}

/// `additionalProperties` becomes `additional_properties`.
fn snake_case(keyword: &str) -> String {
    let mut code = String::new();
    for c in keyword.chars() {
        if c.is_ascii_uppercase() {
            code.push('_');
        }
        code.push(c.to_ascii_lowercase());
    }
    code
}
