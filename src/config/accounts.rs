//! Section `accounts`: which kinds of accounts there are, and what becomes of deleted ones.

use std::{path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

use super::{Problems, checks::between_durations};

/// Longest name of an account type or a role.
const MAX_NAME: usize = 32;

/// Account types, roles and erasure.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AccountsSettings {
    /// Account types, each as `type=role+role`: the roles that a new account of the type starts with.
    pub types: Vec<String>,
    /// Roles that can be granted beside `user`, `artist`, `admin` and those of the types.
    pub roles: Vec<String>,
    /// Folder with `<type>.json`: a JSON Schema of each type's profile; none: the built-in ones.
    pub profile_dir: Option<PathBuf>,
    /// How long after its deletion an account's personal data is erased.
    #[serde(with = "humantime_serde")]
    pub erase_after: Duration,
}

impl AccountsSettings {
    /// The types and their roles, in the order of the configuration; what is not well formed is left out.
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
                    "each must be a type and its roles, such as \"artist=user+artist\"; names are lower-case letters, \
                     digits, '_' and '-', at most 32 of them, and begin with a letter",
                ),
                Some((name, _)) if seen.contains(&name) => {
                    problems.refuse("accounts.types", format!("names {name} twice"));
                }
                Some((_, roles)) if roles.contains(&"admin") => problems.refuse(
                    "accounts.types",
                    "no type may start with the role admin: administrators are made by `watchword user create-admin` and by others",
                ),
                Some((name, _)) => seen.push(name),
            }
        }
        if !seen.contains(&"user") {
            problems.refuse(
                "accounts.types",
                "must name the type user: accounts that name none are of it",
            );
        }
        if !self.roles.iter().all(|role| is_name(role)) {
            problems.refuse(
                "accounts.roles",
                "each must be lower-case letters, digits, '_' and '-', at most 32 of them, and begin with a letter",
            );
        }
        let most = 3660 * DAY;
        between_durations(problems, "accounts.erase_after", self.erase_after, Duration::ZERO, most);
    }
}

fn parse(text: &str) -> Option<(&str, Vec<&str>)> {
    let (name, roles) = text.split_once('=')?;
    let roles: Vec<&str> = roles.split('+').collect();
    (is_name(name) && roles.iter().all(|role| is_name(role))).then_some((name, roles))
}

fn is_name(text: &str) -> bool {
    text.len() <= MAX_NAME
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-'))
}
