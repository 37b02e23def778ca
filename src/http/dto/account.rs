//! Fields of requests about accounts, and the problems that they share.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::actions::accounts::change::ProfileError;
use crate::actions::accounts::identifier_taken::IdentifierTaken;
use crate::actions::accounts::{change, registration};
use crate::domain::password::Password;
use crate::domain::user::account_type::AccountType;
use crate::domain::user::account_types::SchemaViolation;
use crate::domain::user::role::Role;
use crate::http::fields::{Fields, field_error};
use crate::http::payload::pointer_to;
use crate::http::problem::{FieldError, Problem, ProblemCode};

/// A profile in a body.
pub type ProfileBody = BTreeMap<String, Value>;

/// What a registration and an administrator say about a new account.
pub struct AccountFields {
    pub email: String,
    pub password: String,
    pub name: Option<String>,
    pub username: Option<String>,
    pub account_type: Option<String>,
    pub profile: Option<ProfileBody>,
}

impl AccountFields {
    /// Parse the fields; `None` when one of them is refused.
    pub fn parse(self, fields: &mut Fields) -> Option<registration::Input> {
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
        fields.refuse(unknown_role("/roles"));
    }
    parsed.ok()
}

/// The field error of a role that is not configured.
#[must_use]
pub fn unknown_role(pointer: &str) -> FieldError {
    FieldError::new(pointer, "unknown_role", "must be a role that is configured")
}

fn unknown_type() -> FieldError {
    FieldError::new(
        "/accountType",
        "unknown_account_type",
        "must be one of the configured account types",
    )
}

impl From<registration::Refusal> for Problem {
    fn from(refusal: registration::Refusal) -> Self {
        match refusal {
            registration::Refusal::Password(error) => Self::validation(vec![field_error("/password", error)]),
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
        Self::validation(match error {
            ProfileError::UnknownType => vec![unknown_type()],
            ProfileError::TooLarge => vec![FieldError::new(
                "/profile",
                "too_large",
                "must be at most 4 KiB as compact JSON",
            )],
            ProfileError::Violations(violations) => violations.iter().map(violated).collect(),
        })
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
