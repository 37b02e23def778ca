//! Why the database cannot be opened.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sea_orm::{DbErr, RuntimeErr, SqlxError};
use watchword_migration::MigrationError;

use crate::config::UrlProblem;
use crate::store::StoreError;
use crate::store::database::ServerProblem;

/// What `SQLite` says of a file that is no database.
const SQLITE_NOTADB: &str = "26";

/// What can only go wrong when the service or a command starts.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("database.url: {0}")]
    Url(#[from] UrlProblem),
    #[error("database.url: {0}")]
    Variable(String),
    /// The `SQLite` file belongs to another process.
    #[error("another process uses {0}: SQLite serves one instance; use PostgreSQL for several")]
    InUse(PathBuf),
    /// There is no `SQLite` file to read.
    #[error("there is no database {0}: is this the data directory of the service?")]
    NoFile(PathBuf),
    #[error("the directory {0} of database.url does not exist: create it, or correct the path")]
    NoFolder(PathBuf),
    #[error("{0} is not a SQLite database: move it away, or correct the path")]
    NotADatabase(PathBuf),
    #[error("the SQLite file {path} can't be opened")]
    Sqlite { path: PathBuf, source: StoreError },
    #[error("the data directory {path} can't be used")]
    DataDir { path: PathBuf, source: std::io::Error },
    #[error("{path} can't be written by this user")]
    File { path: PathBuf, source: std::io::Error },
    /// The server or what is before it answered, and does not let this client in.
    #[error("{server} refuses the user {user}: {problem}. {remedy}")]
    Refused {
        server: String,
        user: String,
        problem: String,
        remedy: String,
    },
    #[error(
        "no TLS connection to {server} that is trusted: its certificate has to be of that host, and of an authority of \
         the system (SSL_CERT_FILE) or of sslrootcert in database.url"
    )]
    Tls { server: String, source: sqlx::Error },
    #[error("the database is not available: {server}")]
    Unreachable { server: String, source: sqlx::Error },
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
    #[error("PostgreSQL {0} is too old: use version 14 or newer")]
    TooOld(String),
    #[error("{0} is not supported: its locks do not keep two instances from leading. Use PostgreSQL or SQLite")]
    OtherServer(&'static str),
    #[error(
        "the database {database} has the encoding {encoding}, in which not every name can be stored. Create it with: \
         CREATE DATABASE {database} ENCODING 'UTF8' TEMPLATE template0"
    )]
    Encoding { database: String, encoding: String },
    #[error(
        "no schema in the search_path of the role {role} exists and may be used by it: CREATE SCHEMA {role} \
         AUTHORIZATION {role}"
    )]
    NoSchema { role: String },
    #[error(
        "the schema {schema} has tables of another program with names that the service uses: {tables}. Use a database \
         of its own, or a schema of its own: CREATE SCHEMA {role} AUTHORIZATION {role}"
    )]
    TablesOfOthers {
        role: String,
        schema: String,
        tables: String,
    },
    #[error(
        "the role {role} may not create tables in the schema {schema} of the database {database}. As the owner of the \
         database, run: GRANT CREATE ON SCHEMA {schema} TO {role}; or give the role a schema of its own: CREATE SCHEMA \
         {role} AUTHORIZATION {role}"
    )]
    MayNotCreate {
        role: String,
        schema: String,
        database: String,
    },
    #[error(
        "the role {role} may not read and write {tables}. As the owner of the tables, run: GRANT SELECT, INSERT, \
         UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role}"
    )]
    MayNotWrite {
        role: String,
        schema: String,
        tables: String,
    },
    #[error(
        "the database {database} takes no writes, so it cannot be migrated: the server is a standby, or \
         default_transaction_read_only is on. Connect to the primary, or run: ALTER DATABASE {database} RESET \
         default_transaction_read_only"
    )]
    ReadOnly { database: String },
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

impl OpenError {
    /// What `SQLite` says when it opens a file.
    pub(in crate::store) fn of_file(path: &Path, error: DbErr) -> Self {
        let path = path.to_path_buf();
        let code = match &error {
            DbErr::Conn(RuntimeErr::SqlxError(error)) => code_of(error),
            _ => None,
        };
        match code.as_deref() {
            Some(SQLITE_NOTADB) => Self::NotADatabase(path),
            _ => Self::Sqlite { path, source: error.into() },
        }
    }
}

fn code_of(error: &SqlxError) -> Option<String> {
    Some(error.as_database_error()?.code()?.into_owned())
}

impl From<ServerProblem> for OpenError {
    fn from(problem: ServerProblem) -> Self {
        Self::Variable(problem.to_string())
    }
}

impl From<MigrationError> for OpenError {
    fn from(error: MigrationError) -> Self {
        match error {
            MigrationError::Database(error) => Self::Store(error.into()),
            error => Self::Schema(error),
        }
    }
}
