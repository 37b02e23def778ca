//! Fields of bodies about accounts: the account type, the roles and the profile, and what can be wrong with them.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::user::Fields;
use crate::actions::accounts::change::ProfileError;
use crate::domain::user::account::{AccountType, Role};
use crate::domain::user::account_types::SchemaViolation;
use crate::http::payload::pointer_to;
use crate::http::problem::{FieldError, Problem};

/// A profile as bodies have it.
pub type ProfileBody = BTreeMap<String, Value>;

/// A profile as actions want it.
#[must_use]
pub fn profile_fields(body: ProfileBody) -> Map<String, Value> {
    body.into_iter().collect()
}

/// An account type that may be configured.
pub fn account_type(fields: &mut Fields, text: &str) -> Option<AccountType> {
    let parsed = text.parse();
    if parsed.is_err() {
        fields.refuse(unknown_type());
    }
    parsed.ok()
}

/// Roles that may be configured.
pub fn roles(fields: &mut Fields, texts: &[String]) -> Option<Vec<Role>> {
    let parsed: Result<Vec<Role>, _> = texts.iter().map(|text| text.parse()).collect();
    if parsed.is_err() {
        fields.refuse(unknown_role("/roles"));
    }
    parsed.ok()
}

/// No such role.
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

/// What is wrong with an account type or a profile.
#[must_use]
pub fn profile_problem(profile_problem: &ProfileError) -> Problem {
    Problem::validation(match profile_problem {
        ProfileError::UnknownType => vec![unknown_type()],
        ProfileError::TooLarge => vec![FieldError::new(
            "/profile",
            "too_large",
            "must be at most 4 KiB as compact JSON",
        )],
        ProfileError::Profile(misfits) => misfits.iter().map(misfit).collect(),
    })
}

/// Where and by which rule of the schema; names that the client made up are not repeated.
fn misfit(misfit: &SchemaViolation) -> FieldError {
    let mut pointer = String::from("/profile");
    for name in misfit.pointer.split('/').skip(1) {
        let step = pointer_to(name);
        if step.is_empty() {
            break;
        }
        pointer.push_str(&step);
    }
    let detail = format!("does not satisfy `{}` of its account type's schema", misfit.keyword);
    FieldError::new(pointer, snake_case(&misfit.keyword), detail)
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
