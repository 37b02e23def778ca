//! Where the database is and how connections to it are set up.

use std::fs::{DirBuilder, File};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::sync::{Arc, OnceLock};

use secrecy::{ExposeSecret as _, SecretString};
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use tokio::sync::{Mutex, Notify, watch};

use super::database::Database;
use super::{EventProfile, Inner, Store, StoreError};
use crate::config::DatabaseSettings;
use crate::domain::random::Random;

/// Which database a configuration means.
#[derive(Clone)]
pub enum Address {
    /// A `PostgreSQL` server.
    Postgres(Box<PgConnectOptions>),
    /// A file of one process.
    Sqlite(PathBuf),
}

impl Address {
    /// Reads `database.url`; nothing configured means `watchword.db` in the data directory.
    ///
    /// # Errors
    /// [`StoreError::Url`] when it is neither a `postgres://` nor a `sqlite://` address.
    pub fn parse(url: Option<&SecretString>, data_dir: &Path) -> Result<Self, StoreError> {
        let Some(url) = url.map(SecretString::expose_secret) else {
            return Ok(Self::Sqlite(data_dir.join("watchword.db")));
        };
        if url.starts_with("sqlite:") {
            let options = SqliteConnectOptions::from_str(url).map_err(StoreError::Url)?;
            return Ok(Self::Sqlite(options.get_filename().to_path_buf()));
        }
        let options = PgConnectOptions::from_str(url).map_err(StoreError::Url)?;
        // A stuck client must not hold a user's row: these end it on the server, without cancelling anything here.
        let limits = [
            ("lock_timeout", "5s"),
            ("statement_timeout", "15s"),
            ("idle_in_transaction_session_timeout", "15s"),
        ];
        Ok(Self::Postgres(Box::new(
            options.application_name("watchword").options(limits),
        )))
    }

    /// What to print: never a password.
    #[must_use]
    pub fn display(&self) -> String {
        match self {
            Self::Sqlite(path) => format!("SQLite, {}", path.display()),
            Self::Postgres(o) => format!(
                "PostgreSQL, {}:{}/{}",
                o.get_host(),
                o.get_port(),
                o.get_database().unwrap_or_default()
            ),
        }
    }
}

impl Store {
    /// Opens the database. `PostgreSQL` connections are made when first needed, so this succeeds while the server is down.
    ///
    /// # Errors
    /// [`StoreError`] when the address is wrong, or the `SQLite` file can't be opened or is in use.
    pub async fn connect(
        settings: &DatabaseSettings,
        data_dir: &Path,
        profile: EventProfile,
        random: Arc<dyn Random>,
    ) -> Result<Self, StoreError> {
        let address = Address::parse(settings.url.as_ref(), data_dir)?;
        let file_lock = match &address {
            Address::Postgres(_) => None,
            Address::Sqlite(path) => Some(lock_file(path)?),
        };
        Self::open(settings, address, file_lock, profile, random).await
    }

    /// Opens the database beside the process that has it, to read it: nothing is made or migrated, and on `SQLite` this never
    /// leads. `SQLite` lets several processes use a file; what one process alone may do is in that process's memory.
    ///
    /// # Errors
    /// [`StoreError`] when the address is wrong, or there is no such `SQLite` file.
    pub async fn connect_beside(
        settings: &DatabaseSettings,
        data_dir: &Path,
        profile: EventProfile,
        random: Arc<dyn Random>,
    ) -> Result<Self, StoreError> {
        let address = Address::parse(settings.url.as_ref(), data_dir)?;
        if let Address::Sqlite(path) = &address
            && !path.exists()
        {
            return Err(StoreError::NoFile(path.clone()));
        }
        Self::open(settings, address, None, profile, random).await
    }

    async fn open(
        settings: &DatabaseSettings,
        address: Address,
        file_lock: Option<File>,
        profile: EventProfile,
        random: Arc<dyn Random>,
    ) -> Result<Self, StoreError> {
        let acquire = settings.acquire_timeout;
        let db = match &address {
            Address::Postgres(options) => {
                Database::postgres(options.as_ref().clone(), settings.max_connections, acquire)?
            }
            Address::Sqlite(path) => Database::sqlite(path, settings.max_connections.min(8), acquire).await?,
        };
        Ok(Self(Arc::new(Inner {
            db,
            address,
            profile,
            random,
            metrics: OnceLock::new(),
            recorded: Arc::new(Notify::new()),
            commits: watch::Sender::new(0),
            watermark: Mutex::default(),
            latest: Mutex::default(),
            writer: Arc::new(Mutex::new(())),
            acquire_timeout: acquire,
            relay: Arc::new(Mutex::new(())),
            file_lock,
        })))
    }

    /// Where the data is, for people.
    #[must_use]
    pub fn describe(&self) -> String {
        self.0.address.display()
    }

    pub(super) fn address(&self) -> &Address {
        &self.0.address
    }
}

/// One process per `SQLite` file: caches and the relay's lock are in its memory.
fn lock_file(database: &Path) -> Result<File, StoreError> {
    let folder = database
        .parent()
        .filter(|p| !p.as_os_str().is_empty())
        .unwrap_or_else(|| Path::new("."));
    let failed = |source| StoreError::DataDir {
        path: folder.to_path_buf(),
        source,
    };
    // Password hashes are inside: nobody else reads a directory that is made here.
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(failed)?;
    // SQLite would make its files readable for everybody; what it makes beside this one gets this one's mode.
    private(database).map_err(failed)?;
    try_lock_file(&database.with_extension("lock"))?.ok_or_else(|| StoreError::InUse(database.to_path_buf()))
}

/// Opens a file for this user alone, made where it is missing.
fn private(path: &Path) -> std::io::Result<File> {
    File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(path)
}

/// Locks a file until it is closed; `None` when another one has it open and locked.
pub(super) fn try_lock_file(path: &Path) -> Result<Option<File>, StoreError> {
    let failed = |source| StoreError::DataDir {
        path: path.to_path_buf(),
        source,
    };
    let file = private(path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(std::fs::TryLockError::WouldBlock) => Ok(None),
        Err(std::fs::TryLockError::Error(source)) => Err(failed(source)),
    }
}
