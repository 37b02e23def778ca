//! The database's address, and how the store opens it.

use std::fs::{DirBuilder, File, Permissions};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};

use tokio::sync::{Mutex, Notify, OnceCell, watch};

use super::database::{Database, Server};
use super::{EventProfile, Inner, OpenError, Store, StoreError, lock_file};
use crate::config::{DatabaseSettings, DatabaseUrl, SqliteFile};
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

/// Whether a missing `SQLite` file is created, with its directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Creates {
    /// A file in the data directory.
    FileAndFolder,
    File,
    Nothing,
}

impl Address {
    /// Parse `database.url`. The default is `watchword.db` in the data directory.
    fn parse(settings: &DatabaseSettings, data_dir: &Path) -> Result<(Self, Creates), OpenError> {
        Ok(match settings.address()? {
            None => (Self::Sqlite(data_dir.join("watchword.db")), Creates::FileAndFolder),
            Some(DatabaseUrl::Sqlite(SqliteFile { path, create })) => {
                (Self::Sqlite(path), if create { Creates::File } else { Creates::Nothing })
            }
            Some(DatabaseUrl::Postgres(url)) => {
                let server = Server::new(&url, settings.statement_timeout)?;
                (Self::Postgres(Box::new(server)), Creates::Nothing)
            }
        })
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
        let (address, _) = Address::parse(settings, data_dir)?;
        Ok(match address {
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
        let (address, creates) = Address::parse(settings, data_dir)?;
        let file_lock = match &address {
            Address::Postgres(_) => None,
            Address::Sqlite(path) => Some(own_file(path, creates)?),
        };
        Self::open(settings, address, file_lock, profile, random).await
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
        let (address, _) = Address::parse(settings, data_dir)?;
        if let Address::Sqlite(path) = &address
            && !path.exists()
        {
            return Err(OpenError::NoFile(path.clone()));
        }
        Self::open(settings, address, None, profile, random).await
    }

    async fn open(
        settings: &DatabaseSettings,
        address: Address,
        file_lock: Option<File>,
        profile: EventProfile,
        random: Arc<dyn Random>,
    ) -> Result<Self, OpenError> {
        let acquire = settings.acquire_timeout;
        let (db, reserve) = match &address {
            Address::Postgres(server) => {
                let pool = |connections| {
                    let pool = Database::postgres(server.as_ref().clone(), connections, acquire);
                    pool.map_err(StoreError::from)
                };
                (pool(settings.max_connections)?, Some(pool(RESERVED_CONNECTIONS)?))
            }
            Address::Sqlite(path) => {
                let connections = settings.max_connections.min(MAX_SQLITE_CONNECTIONS);
                let opened = Database::sqlite(path, connections, acquire).await;
                (opened.map_err(|error| OpenError::of_file(path, error))?, None)
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
fn own_file(database: &Path, creates: Creates) -> Result<File, OpenError> {
    let folder = database
        .parent()
        .filter(|path| !path.as_os_str().is_empty())
        .unwrap_or_else(|| Path::new("."));
    let unusable = |path: &Path| {
        let path = path.to_path_buf();
        move |source| OpenError::File { path, source }
    };
    match creates {
        // The file holds password hashes: no other user may read a directory that is created here.
        Creates::FileAndFolder => {
            let created = DirBuilder::new().recursive(true).mode(0o700).create(folder);
            created.map_err(|source| OpenError::DataDir { path: folder.to_path_buf(), source })?;
        }
        Creates::File if !folder.is_dir() => return Err(OpenError::NoFolder(folder.to_path_buf())),
        Creates::Nothing if !database.exists() => return Err(OpenError::NoFile(database.to_path_buf())),
        Creates::File | Creates::Nothing => {}
    }
    // SQLite would create files that every user can read. The files that it creates next to this
    // one get this one's mode.
    let file = lock_file::open_private(database).map_err(unusable(database))?;
    make_private(&file, database);
    for suffix in ["-wal", "-shm"] {
        let path = with_suffix(database, suffix);
        if let Ok(file) = File::open(&path) {
            make_private(&file, &path);
        }
    }
    let lock = database.with_extension("lock");
    lock_file::try_lock(&lock)
        .map_err(unusable(&lock))?
        .ok_or_else(|| OpenError::InUse(database.to_path_buf()))
}

/// Take a file that was there before from other users, such as a copy that was restored.
fn make_private(file: &File, path: &Path) {
    let Ok(metadata) = file.metadata() else { return };
    if metadata.is_file() && metadata.permissions().mode() & 0o077 != 0 {
        let path = path.display();
        match file.set_permissions(Permissions::from_mode(0o600)) {
            Ok(()) => tracing::info!(%path, "database file was readable by other users; made it private (mode 0600)"),
            Err(error) => {
                tracing::warn!(%path, %error, "database file is readable by other users; set its mode to 0600")
            }
        }
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
