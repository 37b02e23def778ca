//! Errors of the database, as facts that the callers can act on.

use sea_orm::{DbErr, RuntimeErr, SqlxError};

/// A unique value that another row has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conflict {
    /// Another live account has this email address.
    Email,
    /// Another live account has this username.
    Username,
    /// Another replay has this name.
    ReplayName,
    /// The service runs a replay already.
    ReplayRunning,
    /// A request with this idempotency key was completed.
    IdempotencyKey,
}

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A unique value is taken; nothing was written.
    #[error("{0:?} is taken")]
    Conflict(Conflict),
    /// No connection, no free connection in time, a lost connection, or a lock timeout: a retry may
    /// help. Whether a failed commit took effect is unknown.
    #[error("the database is not available")]
    Unavailable(#[source] DbErr),
    /// The query does not fit the database: the schema is older than this version.
    #[error("a query failed")]
    Query(#[source] DbErr),
    /// A stored value that no version of this service writes.
    #[error("table {table}, column {column}: unreadable value")]
    Corrupt { table: &'static str, column: &'static str },
    #[error("an event could not be encoded")]
    Encode(#[from] serde_json::Error),
    /// The lock of replays on `SQLite` is a file.
    #[error("the lock file {path} can't be used")]
    LockFile {
        path: std::path::PathBuf,
        source: std::io::Error,
    },
}

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        if let Some(conflict) = conflict(&error) {
            return Self::Conflict(conflict);
        }
        if is_unavailable(&error) {
            Self::Unavailable(error)
        } else {
            Self::Query(error)
        }
    }
}

fn sqlx_error(error: &DbErr) -> Option<&SqlxError> {
    match error {
        DbErr::Conn(RuntimeErr::SqlxError(e))
        | DbErr::Exec(RuntimeErr::SqlxError(e))
        | DbErr::Query(RuntimeErr::SqlxError(e)) => Some(e),
        _ => None,
    }
}

/// `PostgreSQL` names the index, `SQLite` names the columns.
fn conflict(error: &DbErr) -> Option<Conflict> {
    let database = sqlx_error(error)?.as_database_error()?;
    if !database.is_unique_violation() {
        return None;
    }
    let name = database.constraint().unwrap_or_else(|| database.message());
    if name.contains("users_email_key") || name.contains("users.email_canonical") {
        Some(Conflict::Email)
    } else if name.contains("users_username_key") || name.contains("users.username_canonical") {
        Some(Conflict::Username)
    } else if name.contains("replays_name_key") || name.contains("replays.name") {
        Some(Conflict::ReplayName)
    } else if name.contains("replays_running_key") || name.contains("replays.origin") {
        Some(Conflict::ReplayRunning)
    } else {
        None
    }
}

fn is_unavailable(error: &DbErr) -> bool {
    if matches!(error, DbErr::ConnectionAcquire(_) | DbErr::Conn(_)) {
        return true;
    }
    match sqlx_error(error) {
        Some(
            SqlxError::Io(_)
            | SqlxError::Tls(_)
            | SqlxError::Protocol(_)
            | SqlxError::PoolTimedOut
            | SqlxError::PoolClosed
            | SqlxError::WorkerCrashed,
        ) => true,
        Some(SqlxError::Database(e)) => e.code().is_some_and(|code| is_transient(&code)),
        _ => false,
    }
}

/// Whether a retry may help. The codes of `PostgreSQL` have five characters, of which the first two
/// are the class. Those of `SQLite` are numbers, whose last byte is the kind.
fn is_transient(code: &str) -> bool {
    if let (5, Some(class)) = (code.len(), code.get(..2)) {
        // Connection exceptions; invalid transaction states (read-only after a failover, timed
        // out); rollbacks; insufficient resources; objects in use; operator intervention. 0A000: a
        // prepared statement from before a migration.
        return matches!(class, "08" | "25" | "40" | "53" | "55" | "57") || code == "0A000";
    }
    // BUSY, LOCKED, IOERR, FULL, CANTOPEN.
    code.parse::<u32>().is_ok_and(|code| matches!(code & 0xff, 5 | 6 | 10 | 13 | 14))
}
