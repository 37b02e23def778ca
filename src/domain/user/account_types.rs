//! The configured account types, with the initial roles and the profile schema (JSON Schema
//! 2020-12) of each.

use std::collections::BTreeMap;
use std::fmt;

use jsonschema::Validator;
use serde_json::Value;

use super::account_type::AccountType;
use super::profile::Profile;
use super::role::Role;

/// Violations that are reported for one profile.
const MAX_VIOLATIONS: usize = 20;

/// The account types of this deployment, and the roles it knows.
pub struct AccountTypes {
    types: BTreeMap<AccountType, Kind>,
    roles: Vec<Role>,
}

struct Kind {
    roles: Vec<Role>,
    profile: Validator,
}

/// Where a profile breaks the schema of its account type, and by which keyword. It never carries
/// the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaViolation {
    /// JSON Pointer (RFC 6901) below the profile.
    pub pointer: String,
    /// The keyword of the schema, such as `maximum`.
    pub keyword: String,
}

/// A schema that cannot be compiled.
#[derive(Debug, thiserror::Error)]
#[error("is not a usable JSON Schema (2020-12): {0}")]
pub struct SchemaError(String);

impl AccountTypes {
    /// Start without types; `roles` can be granted in addition to `user`, `artist` and `admin`.
    #[must_use]
    pub fn new(roles: impl IntoIterator<Item = Role>) -> Self {
        let mut known = vec![Role::User, Role::Artist, Role::Admin];
        for role in roles {
            if !known.contains(&role) {
                known.push(role);
            }
        }
        Self { types: BTreeMap::new(), roles: known }
    }

    /// Add a type. A schema that refers to another file cannot be used.
    pub fn add(&mut self, name: AccountType, roles: Vec<Role>, schema: &Value) -> Result<(), SchemaError> {
        let profile = jsonschema::draft202012::options()
            .should_validate_formats(true)
            .build(schema)
            .map_err(|error| SchemaError(error.to_string()))?;
        for role in &roles {
            if !self.roles.contains(role) {
                self.roles.push(role.clone());
            }
        }
        self.types.insert(name, Kind { roles, profile });
        Ok(())
    }

    /// Whether an account of this type can be created.
    #[must_use]
    pub fn knows(&self, name: &AccountType) -> bool {
        self.types.contains_key(name)
    }

    /// Whether this role can be granted.
    #[must_use]
    pub fn knows_role(&self, role: &Role) -> bool {
        self.roles.contains(role)
    }

    /// The roles of a new account of this type.
    #[must_use]
    pub fn initial_roles(&self, name: &AccountType) -> Vec<Role> {
        self.types.get(name).map(|kind| kind.roles.clone()).unwrap_or_default()
    }

    /// Check a profile that is about to be written. Profiles are never checked when they are read,
    /// and a type that is no longer configured has no schema to check.
    ///
    /// # Errors
    /// The violations, at most [`MAX_VIOLATIONS`].
    pub fn check(&self, name: &AccountType, profile: &Profile) -> Result<(), Vec<SchemaViolation>> {
        let Some(kind) = self.types.get(name) else {
            return Ok(());
        };
        let fields = Value::Object(profile.fields().clone());
        let violations: Vec<SchemaViolation> = kind
            .profile
            .iter_errors(&fields)
            .take(MAX_VIOLATIONS)
            .map(|error| SchemaViolation {
                pointer: error.instance_path().to_string(),
                keyword: error.kind().keyword().to_owned(),
            })
            .collect();
        if violations.is_empty() { Ok(()) } else { Err(violations) }
    }
}

impl fmt::Debug for AccountTypes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.types.keys()).finish()
    }
}
