//! Why the database cannot be opened.

use std::path::PathBuf;
use std::time::Duration;

use watchword_migration::MigrationError;

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
    /// `PgBouncer` and its like, where sessions are shared.
    #[error(
        "database.url leads to a pooler in transaction mode, which gives one session of PostgreSQL to many clients: \
         locks and limits of a session do not hold there. Use session mode (pool_mode = session in PgBouncer), or \
         connect to PostgreSQL itself"
    )]
    TransactionPooler,
    #[error(
        "synchronous_commit is off for this role or database: a crash of PostgreSQL would take back what was answered \
         and published. Set it to on, or to remote_write or remote_apply with standbys"
    )]
    AsynchronousCommit,
    #[error(
        "another instance is migrating the database for longer than database.migration_lock_timeout, {waited:.0?}: \
         {holder}"
    )]
    MigrationsLocked { holder: String, waited: Duration },
    #[error(transparent)]
    Schema(MigrationError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<MigrationError> for OpenError {
    fn from(error: MigrationError) -> Self {
        match error {
            MigrationError::Database(error) => Self::Store(error.into()),
            error => Self::Schema(error),
        }
    }
}
