//! `database.url`, in the forms that libpq and SQLite take. What cannot be honored is refused by
//! its name and never with its value, which may be a secret.

mod conninfo;
mod parameters;
mod postgres;
mod sqlite;
mod uri;

use std::path::PathBuf;

pub use self::postgres::{PostgresUrl, RootCertificates, SslMode};

/// Where the database is.
#[derive(Clone, Debug)]
pub enum DatabaseUrl {
    Postgres(Box<PostgresUrl>),
    Sqlite(SqliteFile),
}

/// A `SQLite` file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqliteFile {
    pub path: PathBuf,
    /// Whether it is created where it is missing.
    pub create: bool,
}

/// Why an address cannot be used. It names parts of the address, and has none of their values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UrlProblem(String);

/// A keyword of libpq and its value.
type Parameter = (String, String);

impl DatabaseUrl {
    /// Parse an address.
    ///
    /// # Errors
    /// [`UrlProblem`]
    pub fn parse(text: &str) -> Result<Self, UrlProblem> {
        let text = text.trim();
        if let Some(rest) = text.strip_prefix("sqlite:") {
            return sqlite::parse(rest).map(Self::Sqlite);
        }
        let uri = ["postgres://", "postgresql://"].iter().find_map(|scheme| text.strip_prefix(scheme));
        let given = match uri {
            Some(rest) => uri::parameters(rest)?,
            None if conninfo::is_one(text) => conninfo::parameters(text)?,
            None => {
                return Err(UrlProblem::new(
                    "must start with postgres://, postgresql:// or sqlite:, or be a text such as \"host=db \
                     dbname=watchword\"; omit it to use a SQLite file in data_dir",
                ));
            }
        };
        PostgresUrl::from_parameters(&given).map(|url| Self::Postgres(Box::new(url)))
    }

    /// Check the files that the address names.
    ///
    /// # Errors
    /// [`UrlProblem`], with the path of the file.
    pub fn check_files(&self) -> Result<(), UrlProblem> {
        match self {
            Self::Postgres(url) => url.check_files(),
            Self::Sqlite(_) => Ok(()),
        }
    }
}

impl UrlProblem {
    fn new(problem: impl Into<String>) -> Self {
        Self(problem.into())
    }

    /// A parameter that is not honored. A name that is none may be a part of a password.
    fn parameter(name: &str, problem: &str) -> Self {
        let is_name = name.len() <= 40
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'[' | b']'));
        let name = if is_name { format!(" {name}") } else { String::new() };
        Self(format!("the parameter{name} {problem}"))
    }
}

/// Decode `%XX`. A `%` that begins no code stands for itself.
fn decode(text: &str, part: &str) -> Result<String, UrlProblem> {
    let decoded = percent_encoding::percent_decode_str(text).decode_utf8();
    let decoded = decoded.map_err(|_| UrlProblem(format!("the {part} is not UTF-8")))?;
    if decoded.contains('\0') {
        return Err(UrlProblem(format!("the {part} has a zero byte")));
    }
    Ok(decoded.into_owned())
}
