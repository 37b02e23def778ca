//! The database's address, and how the store opens it.

use std::fs::{DirBuilder, File};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};

use secrecy::{ExposeSecret as _, SecretString};
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use tokio::sync::{Mutex, Notify, OnceCell, watch};

use super::database::{Database, Server};
use super::{EventProfile, Inner, OpenError, Store, StoreError, lock_file};
use crate::config::DatabaseSettings;
use crate::domain::random::Random;

/// `SQLite` has one writer, and a few readers are enough.
const MAX_SQLITE_CONNECTIONS: u32 = 8;

/// Connections beside those of the pool, opened when these are all in use. A lookup takes a
/// millisecond.
const RESERVED_CONNECTIONS: u32 = 2;

/// The configured database.
#[derive(Clone)]
pub(super) enum Address {
    Postgres(Box<Server>),
    /// A file that one process owns.
    Sqlite(PathBuf),
}

impl Address {
    /// Parse `database.url`. The default is `watchword.db` in the data directory.
    fn parse(settings: &DatabaseSettings, data_dir: &Path) -> Result<Self, OpenError> {
        let Some(url) = settings.url.as_ref().map(SecretString::expose_secret) else {
            return Ok(Self::Sqlite(data_dir.join("watchword.db")));
        };
        if url.starts_with("sqlite:") {
            let options = SqliteConnectOptions::from_str(url).map_err(OpenError::Url)?;
            return Ok(Self::Sqlite(options.get_filename().to_path_buf()));
        }
        let options = PgConnectOptions::from_str(url).map_err(OpenError::Url)?;
        let server = Server::new(options, settings.statement_timeout);
        Ok(Self::Postgres(Box::new(server)))
    }

    /// The address for logs and messages, without the password.
    fn display(&self) -> String {
        match self {
            Self::Sqlite(path) => format!("SQLite, {}", path.display()),
            Self::Postgres(server) => server.display(),
        }
    }
}

impl Store {
    /// Check the configured address, and return the file if the database is one. Nothing is opened
    /// or created.
    ///
    /// # Errors
    /// [`OpenError::Url`]
    pub fn check_address(settings: &DatabaseSettings, data_dir: &Path) -> Result<Option<PathBuf>, OpenError> {
        Ok(match Address::parse(settings, data_dir)? {
            Address::Postgres(_) => None,
            Address::Sqlite(path) => Some(path),
        })
    }

    /// Open the database, and lock it if it is a file. The pool connects to `PostgreSQL` on first
    /// use, so this succeeds while the server is down.
    pub async fn connect(
        settings: &DatabaseSettings,
        data_dir: &Path,
        profile: EventProfile,
        random: Arc<dyn Random>,
    ) -> Result<Self, OpenError> {
        let address = Address::parse(settings, data_dir)?;
        let file_lock = match &address {
            Address::Postgres(_) => None,
            Address::Sqlite(path) => Some(own_file(path)?),
        };
        Ok(Self::open(settings, address, file_lock, profile, random).await?)
    }

    /// Open the database while the service may have it open, to read it. Nothing is created or
    /// migrated, and on `SQLite` this process never leads: `SQLite` serves several processes, but
    /// only one of them has the caches and the relay's lease.
    pub async fn connect_beside(
        settings: &DatabaseSettings,
        data_dir: &Path,
        profile: EventProfile,
        random: Arc<dyn Random>,
    ) -> Result<Self, OpenError> {
        let address = Address::parse(settings, data_dir)?;
        if let Address::Sqlite(path) = &address
            && !path.exists()
        {
            return Err(OpenError::NoFile(path.clone()));
        }
        Ok(Self::open(settings, address, None, profile, random).await?)
    }

    async fn open(
        settings: &DatabaseSettings,
        address: Address,
        file_lock: Option<File>,
        profile: EventProfile,
        random: Arc<dyn Random>,
    ) -> Result<Self, StoreError> {
        let acquire = settings.acquire_timeout;
        let (db, reserve) = match &address {
            Address::Postgres(server) => {
                let pool = |connections| Database::postgres(server.as_ref().clone(), connections, acquire);
                (pool(settings.max_connections)?, Some(pool(RESERVED_CONNECTIONS)?))
            }
            Address::Sqlite(path) => {
                let connections = settings.max_connections.min(MAX_SQLITE_CONNECTIONS);
                (Database::sqlite(path, connections, acquire).await?, None)
            }
        };
        Ok(Self(Arc::new(Inner {
            db,
            reserve,
            address,
            profile,
            random,
            metrics: OnceLock::new(),
            recorded: Arc::new(Notify::new()),
            commits: watch::Sender::new(0),
            watermark: Mutex::default(),
            epoch: OnceCell::new(),
            latest: Mutex::default(),
            writer: Arc::new(Mutex::new(())),
            callers_time: AtomicBool::new(false),
            acquire_timeout: acquire,
            migration_lock_timeout: settings.migration_lock_timeout,
            relay: Arc::new(Mutex::new(())),
            file_lock,
        })))
    }

    /// The address for logs and messages, without the password.
    #[must_use]
    pub fn describe(&self) -> String {
        self.0.address.display()
    }

    pub(super) fn address(&self) -> &Address {
        &self.0.address
    }
}

/// Lock a `SQLite` file for this process, whose memory has the caches and the relay's lease.
fn own_file(database: &Path) -> Result<File, OpenError> {
    let folder = database
        .parent()
        .filter(|path| !path.as_os_str().is_empty())
        .unwrap_or_else(|| Path::new("."));
    let unusable = |path: &Path| {
        let path = path.to_path_buf();
        move |source| OpenError::DataDir { path, source }
    };
    // The file holds password hashes: no other user may read a directory that is created here.
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(unusable(folder))?;
    // SQLite would create files that every user can read. The files that it creates next to this
    // one get this one's mode.
    lock_file::open_private(database).map_err(unusable(folder))?;
    let lock = database.with_extension("lock");
    lock_file::try_lock(&lock)
        .map_err(unusable(&lock))?
        .ok_or_else(|| OpenError::InUse(database.to_path_buf()))
}
