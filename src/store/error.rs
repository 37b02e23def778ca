//! What can go wrong in the database, as facts that the callers can act on.

use sea_orm::{DbErr, RuntimeErr, SqlxError};

/// A unique value that somebody else has.
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
    /// A request with this idempotency key was carried out.
    IdempotencyKey,
}

/// Why a query failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A unique value is taken; nothing was written.
    #[error("{0:?} is taken")]
    Conflict(Conflict),
    /// No connection, no free connection in time, a lost connection, a lock that did not come: trying again later may help.
    /// Whether a failed commit took effect is unknown.
    #[error("the database is not available")]
    Unavailable(#[source] DbErr),
    /// The query itself is wrong for this database, or the schema is older than this version.
    #[error("a query failed")]
    Query(#[source] DbErr),
    /// A stored value that no version of this service writes.
    #[error("table {table}, column {column}: unreadable value")]
    Corrupt {
        /// Where it stands.
        table: &'static str,
        /// Which value.
        column: &'static str,
    },
    /// An event could not be encoded.
    #[error("an event could not be encoded")]
    Encode(#[from] serde_json::Error),
    /// Another process has this SQLite database open.
    #[error("another process uses {0}: SQLite serves one instance; use PostgreSQL for several")]
    InUse(std::path::PathBuf),
    /// There is no such SQLite database to look at.
    #[error("there is no database {0}: is this the data directory of the service?")]
    NoFile(std::path::PathBuf),
    /// The data directory can't be used.
    #[error("the data directory {path} can't be used")]
    DataDir {
        /// The directory.
        path: std::path::PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The database's address is not one.
    #[error("database.url is not a postgres:// or sqlite:// address")]
    Url(#[source] sqlx::Error),
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
    let place = database.constraint().unwrap_or_else(|| database.message());
    if place.contains("users_email_key") || place.contains("users.email_canonical") {
        Some(Conflict::Email)
    } else if place.contains("users_username_key") || place.contains("users.username_canonical") {
        Some(Conflict::Username)
    } else if place.contains("replays_name_key") || place.contains("replays.name") {
        Some(Conflict::ReplayName)
    } else if place.contains("replays_running_key") || place.contains("replays.origin") {
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
        Some(SqlxError::Database(e)) => e.code().is_some_and(|code| is_passing(&code)),
        _ => false,
    }
}

/// `PostgreSQL` has codes of five characters, of which the first two are the class; `SQLite` has numbers, whose last byte is the kind.
fn is_passing(code: &str) -> bool {
    if let (5, Some(class)) = (code.len(), code.get(..2)) {
        // Connection lost; transaction state (read-only after a failover, timed out); resources; operator; rollback; object in use.
        // 0A000: a prepared statement from before a migration.
        return matches!(class, "08" | "25" | "40" | "53" | "55" | "57") || code == "0A000";
    }
    // BUSY, LOCKED, IOERR, FULL, CANTOPEN.
    code.parse::<u32>()
        .is_ok_and(|code| matches!(code & 0xff, 5 | 6 | 10 | 13 | 14))
}
