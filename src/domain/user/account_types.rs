//! The configured account types: the roles that each starts with, and the form of its profile (JSON Schema 2020-12).

use std::collections::BTreeMap;
use std::fmt;

use jsonschema::Validator;
use serde_json::Value;

use super::account::{AccountType, Role};
use super::profile::Profile;

/// Most errors that are told of one profile.
const MAX_ERRORS: usize = 20;

/// The account types of this deployment, and the roles it knows.
pub struct AccountTypes {
    types: BTreeMap<AccountType, Kind>,
    roles: Vec<Role>,
}

struct Kind {
    roles: Vec<Role>,
    profile: Validator,
}

/// Where a profile is not as its account type wants it, and which rule of the schema says so. Never what stands there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaViolation {
    /// JSON Pointer (RFC 6901) below the profile.
    pub pointer: String,
    /// The keyword of the schema, such as `maximum`.
    pub keyword: String,
}

/// A schema that can't be used.
#[derive(Debug, thiserror::Error)]
#[error("is not a usable JSON Schema (2020-12): {0}")]
pub struct SchemaError(String);

impl AccountTypes {
    /// No types yet; `roles` can be granted beside `user`, `artist` and `admin`.
    #[must_use]
    pub fn new(roles: impl IntoIterator<Item = Role>) -> Self {
        let mut known = vec![Role::User, Role::Artist, Role::Admin];
        for role in roles {
            if !known.contains(&role) {
                known.push(role);
            }
        }
        Self {
            types: BTreeMap::new(),
            roles: known,
        }
    }

    /// Adds a type.
    ///
    /// # Errors
    /// [`SchemaError`] when its schema can't be used, for instance because it refers to another file.
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

    /// Whether an account of this type can be made.
    #[must_use]
    pub fn knows(&self, name: &AccountType) -> bool {
        self.types.contains_key(name)
    }

    /// Whether this role can be granted.
    #[must_use]
    pub fn knows_role(&self, role: &Role) -> bool {
        self.roles.contains(role)
    }

    /// The roles that a new account of a type starts with.
    #[must_use]
    pub fn initial_roles(&self, name: &AccountType) -> Vec<Role> {
        self.types.get(name).map(|kind| kind.roles.clone()).unwrap_or_default()
    }

    /// Checks a profile that is about to be written; one that is only read is never checked.
    ///
    /// # Errors
    /// Every place that does not fit, twenty at most; none for a type that is configured no more.
    pub fn check(&self, name: &AccountType, profile: &Profile) -> Result<(), Vec<SchemaViolation>> {
        let Some(kind) = self.types.get(name) else {
            return Ok(());
        };
        let fields = Value::Object(profile.fields().clone());
        let misfits: Vec<SchemaViolation> = kind
            .profile
            .iter_errors(&fields)
            .take(MAX_ERRORS)
            .map(|error| SchemaViolation {
                pointer: error.instance_path().to_string(),
                keyword: error.kind().keyword().to_owned(),
            })
            .collect();
        if misfits.is_empty() { Ok(()) } else { Err(misfits) }
    }
}

impl fmt::Debug for AccountTypes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.types.keys()).finish()
    }
}
