//! The account types of the configuration, with the schemas of their profiles.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::config::{AccountTypeSettings, AccountsSettings};
use crate::domain::user::account_type::AccountType;
use crate::domain::user::account_types::{AccountTypes, SchemaError};
use crate::domain::user::role::Role;

const USER: &str = include_str!("user.json");
const ARTIST: &str = include_str!("artist.json");

/// Why the account types cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AccountTypesError {
    #[error("{path} cannot be read (accounts.profile_dir)")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{path} is not JSON (accounts.profile_dir)")]
    Json { path: PathBuf, source: serde_json::Error },
    #[error("{path} {source} (accounts.profile_dir)")]
    Schema { path: PathBuf, source: SchemaError },
    /// A file is not named after a configured type.
    #[error("{path} matches no account type in accounts.types")]
    Unmatched { path: PathBuf },
}

/// Read the schemas of the configured types: the file in the folder, else the built-in one, else
/// any object is valid.
///
/// # Errors
/// [`AccountTypesError`] with the name of the file.
pub(super) fn load(settings: &AccountsSettings) -> Result<AccountTypes, AccountTypesError> {
    let own = match &settings.profile_dir {
        Some(directory) => files(directory)?,
        None => Vec::new(),
    };
    let mut types = AccountTypes::new(settings.roles.iter().filter_map(|role| role.parse().ok()));
    for AccountTypeSettings { name, roles } in &settings.types {
        let roles: Vec<Role> = roles.iter().filter_map(|role| role.parse().ok()).collect();
        let Ok(account_type) = name.parse::<AccountType>() else {
            continue;
        };
        let file = own.iter().find(|file| is_of(file, name));
        let (path, text) = match file {
            Some(path) => {
                let source = |source| AccountTypesError::Read { path: path.clone(), source };
                (path.clone(), fs::read_to_string(path).map_err(source)?)
            }
            None => (PathBuf::from(format!("the built-in {name}.json")), built_in(name).to_owned()),
        };
        let schema: Value =
            serde_json::from_str(&text).map_err(|source| AccountTypesError::Json { path: path.clone(), source })?;
        let refused = |source| AccountTypesError::Schema { path, source };
        types.add(account_type, roles, &schema).map_err(refused)?;
    }
    let known = |file: &&PathBuf| settings.types.iter().any(|known| is_of(file, &known.name));
    match own.iter().find(|file| !known(file)) {
        Some(path) => Err(AccountTypesError::Unmatched { path: path.clone() }),
        None => Ok(types),
    }
}

fn built_in(name: &str) -> &'static str {
    match name {
        "user" => USER,
        "artist" => ARTIST,
        _ => r#"{"type": "object"}"#,
    }
}

fn is_of(file: &Path, name: &str) -> bool {
    file.file_stem().is_some_and(|stem| stem == name)
}

/// The `.json` files of a directory, in the order of their names.
fn files(directory: &Path) -> Result<Vec<PathBuf>, AccountTypesError> {
    let read = |source| AccountTypesError::Read { path: directory.to_owned(), source };
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).map_err(read)? {
        let path = entry.map_err(read)?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
