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
    /// Account types, each with the roles of a new account: `type=role+role`.
    pub types: Vec<String>,
    /// Roles that can be granted in addition to `user`, `artist`, `admin` and those of the types.
    pub roles: Vec<String>,
    /// Directory with `<type>.json`, the JSON Schema of a type's profile. `None`: the built-in
    /// schemas.
    pub profile_dir: Option<PathBuf>,
    /// How long after its deletion an account's personal data is erased.
    #[serde(with = "humantime_serde")]
    pub erase_after: Duration,
}

impl AccountsSettings {
    /// The types and their roles, in the order of the configuration. Malformed entries are skipped.
    pub fn parsed_types(&self) -> impl Iterator<Item = (&str, Vec<&str>)> {
        self.types.iter().filter_map(|text| parse(text))
    }

    pub(super) fn check(&self, problems: &mut Problems) {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        let mut seen: Vec<&str> = Vec::new();
        for text in &self.types {
            match parse(text) {
                None => problems.refuse(
                    "accounts.types",
                    "each entry must be a type and its roles, such as \"artist=user+artist\"; a name has at most 32 \
                     lower-case letters, digits, '_' and '-', and starts with a letter",
                ),
                Some((name, _)) if seen.contains(&name) => {
                    problems.refuse("accounts.types", format!("the type {name} is listed twice"));
                }
                Some((_, roles)) if roles.contains(&"admin") => problems.refuse(
                    "accounts.types",
                    "no type may include the role admin; create administrators with `watchword user create-admin`",
                ),
                Some((name, _)) => seen.push(name),
            }
        }
        if !seen.contains(&"user") {
            problems.refuse("accounts.types", "must include the type user, the default of new accounts");
        }
        if !self.roles.iter().all(|role| is_name(role)) {
            problems.refuse(
                "accounts.roles",
                "each role must have at most 32 lower-case letters, digits, '_' and '-', and start with a letter",
            );
        }
        let max = 3660 * DAY;
        between_durations(problems, "accounts.erase_after", self.erase_after, Duration::ZERO, max);
    }
}

fn parse(text: &str) -> Option<(&str, Vec<&str>)> {
    let (name, roles) = text.split_once('=')?;
    let roles: Vec<&str> = roles.split('+').collect();
    (is_name(name) && roles.iter().all(|role| is_name(role))).then_some((name, roles))
}

fn is_name(text: &str) -> bool {
    text.len() <= MAX_NAME_LENGTH
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-'))
}
