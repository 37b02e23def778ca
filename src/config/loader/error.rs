//! Errors in a configuration.

use std::{fmt, io, path::PathBuf};

/// Why the configuration is refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the file {path}", path = path.display())]
    Read { path: PathBuf, source: io::Error },
    /// The file is not TOML. The text of the line is omitted, because it may contain a secret.
    #[error("{path}, line {line}: {message}", path = path.display())]
    Syntax {
        path: PathBuf,
        /// Line of the error, counted from 1.
        line: usize,
        /// What the parser expected.
        message: String,
    },
    /// Lines of a file of variables that programs read differently.
    #[error("{path} cannot be used:{}", lines(.refused), path = path.display())]
    Lines { path: PathBuf, refused: Vec<RefusedLine> },
    /// All unknown keys and invalid values.
    #[error("the configuration is invalid:{}", list(.0))]
    Invalid(Vec<Problem>),
    /// The values cannot be printed.
    #[error("the configuration cannot be printed as TOML")]
    Print(#[source] toml::ser::Error),
}

impl ConfigError {
    /// The refused keys; empty unless the error is [`ConfigError::Invalid`].
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        match self {
            Self::Invalid(problems) => problems,
            Self::Read { .. } | Self::Syntax { .. } | Self::Lines { .. } | Self::Print(_) => &[],
        }
    }
}

/// A refused line of a file of variables. Its text is omitted, because it may contain a secret.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RefusedLine {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong and what to do.
    pub problem: &'static str,
}

/// One refused key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Problem {
    /// The key's full name, for example `passwords.min_length`.
    pub key: String,
    /// What is wrong and what to do. It never contains a secret.
    pub problem: String,
    /// The source of the value, for example `environment variable PORT`. `None`: a default.
    pub origin: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.problem)?;
        match &self.origin {
            Some(origin) => write!(f, " ({origin})"),
            None => Ok(()),
        }
    }
}

fn lines(refused: &[RefusedLine]) -> String {
    refused
        .iter()
        .map(|RefusedLine { line, problem }| format!("\n  line {line} {problem}"))
        .collect()
}

fn list(problems: &[Problem]) -> String {
    problems.iter().map(|problem| format!("\n  {problem}")).collect()
}

/// Collects problems, so that one start reports all of them.
#[derive(Debug, Default)]
pub(in crate::config) struct Problems(Vec<Problem>);

impl Problems {
    pub(in crate::config) const fn empty() -> Self {
        Self(Vec::new())
    }

    /// Add a problem of `key`.
    pub(in crate::config) fn refuse(&mut self, key: &str, problem: impl Into<String>) {
        self.add(key, problem, None);
    }

    /// Add a problem of `key`, whose value came from `origin`.
    pub(in crate::config) fn add(&mut self, key: &str, problem: impl Into<String>, origin: Option<String>) {
        self.0.push(Problem { key: key.to_owned(), problem: problem.into(), origin });
    }

    /// The problems as an error, in the order of their keys.
    pub(in crate::config) fn into_result(mut self) -> Result<(), ConfigError> {
        self.0.sort_by(|a, b| a.key.cmp(&b.key));
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(ConfigError::Invalid(self.0))
        }
    }
}
