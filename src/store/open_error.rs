//! Why the database cannot be opened.

use std::path::PathBuf;

use super::StoreError;

/// What can only go wrong when the service or a command starts.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("database.url is not a postgres:// or sqlite:// address")]
    Url(#[source] sqlx::Error),
    /// The `SQLite` file belongs to another process.
    #[error("another process uses {0}: SQLite serves one instance; use PostgreSQL for several")]
    InUse(PathBuf),
    /// There is no `SQLite` file to read.
    #[error("there is no database {0}: is this the data directory of the service?")]
    NoFile(PathBuf),
    #[error("the data directory {path} can't be used")]
    DataDir { path: PathBuf, source: std::io::Error },
    #[error(transparent)]
    Store(#[from] StoreError),
}
