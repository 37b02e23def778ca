//! Section `accounts`: account types, roles, profiles and erasure.

use std::{path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

use crate::config::loader::{Problems, checks::between_durations};

/// Maximum length of the name of an account type or a role.
const MAX_NAME_LENGTH: usize = 32;

/// Account types, roles and erasure.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AccountsSettings {
    /// Roles that can be granted in addition to `user`, `artist`, `admin` and those of the types.
    pub roles: Vec<String>,
    /// Directory with `<type>.json`, the JSON Schema of a type's profile. `None`: the built-in
    /// schemas.
    pub profile_dir: Option<PathBuf>,
    /// How long after its deletion an account's personal data is erased.
    #[serde(with = "humantime_serde")]
    pub erase_after: Duration,
    /// Account types, in the order of the configuration.
    pub types: Vec<AccountTypeSettings>,
}

/// An account type.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AccountTypeSettings {
    /// As in requests.
    pub name: String,
    /// The roles of a new account of this type.
    pub roles: Vec<String>,
}

impl AccountsSettings {
    pub(super) fn check(&self, problems: &mut Problems) {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        self.check_types(problems);
        if !self.roles.iter().all(|role| is_name(role)) {
            problems.refuse(
                "accounts.roles",
                "each role must have at most 32 lower-case letters, digits, '_' and '-', and start with a letter",
            );
        }
        let max = 3660 * DAY;
        between_durations(problems, "accounts.erase_after", self.erase_after, Duration::ZERO, max);
    }

    fn check_types(&self, problems: &mut Problems) {
        const KEY: &str = "accounts.types";
        let mut seen: Vec<&str> = Vec::new();
        for AccountTypeSettings { name, roles } in &self.types {
            if !is_name(name) || roles.is_empty() || !roles.iter().all(|role| is_name(role)) {
                problems.refuse(
                    KEY,
                    "each type must have a name and roles; a name has at most 32 lower-case letters, digits, '_' and \
                     '-', and starts with a letter",
                );
            } else if seen.contains(&name.as_str()) {
                problems.refuse(KEY, format!("the type {name} is listed twice"));
            } else if roles.iter().any(|role| role == "admin") {
                problems.refuse(
                    KEY,
                    "no type may include the role admin; create administrators with `watchword user create-admin`",
                );
            } else {
                seen.push(name);
            }
        }
        if !seen.contains(&"user") {
            problems.refuse(KEY, "must include the type user, the default of new accounts");
        }
    }
}

fn is_name(text: &str) -> bool {
    text.len() <= MAX_NAME_LENGTH
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-'))
}
