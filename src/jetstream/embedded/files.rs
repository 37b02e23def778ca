//! The embedded server's directory: `<data_dir>/nats`, which its owner alone can read.
//!
//! | file | |
//! |---|---|
//! | `lock` | locked while an instance runs the server; the kernel unlocks it |
//! | `store.lock` | locked for as long as a server lives that an instance has started |
//! | `server.json` | process id and port of the server |
//! | `password` | of the service and of operators; made once |
//! | `operator.json` | the context with it for the `nats` command |
//! | `nats-server.conf`, `nats-server.log` | configuration and log of the server |
//! | `jetstream/` | store of the server |

use std::{
    fs::{self, File, OpenOptions, Permissions, TryLockError},
    hash::{DefaultHasher, Hash as _, Hasher as _},
    io::{self, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::configuration::{ACCOUNT, Configuration, USER};
use crate::config::StreamSettings;

/// The files of one embedded server.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    dir: PathBuf,
}

/// The running server, as recorded by the instance that runs it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Record {
    pub(crate) pid: u32,
    /// On 127.0.0.1.
    pub(crate) port: u16,
}

impl Files {
    /// The paths are absolute, since the server's command line names them.
    ///
    /// # Errors
    ///
    /// When the directory has no absolute form.
    pub(crate) fn new(data_dir: &Path) -> io::Result<Self> {
        Ok(Self { dir: std::path::absolute(data_dir)?.join("nats") })
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.dir.join("nats-server.conf")
    }

    /// Unique among the embedded servers of this machine.
    pub(crate) fn server_name(&self) -> String {
        let mut hasher = DefaultHasher::new();
        self.dir.hash(&mut hasher);
        format!("watchword-{:016x}", hasher.finish())
    }

    /// Take the lock; `None` when another instance holds it.
    ///
    /// # Errors
    ///
    /// When the directory or the file cannot be created.
    pub(crate) fn lock(&self) -> io::Result<Option<File>> {
        fs::create_dir_all(&self.dir)?;
        self.close_to_others()?;
        self.try_lock("lock")
    }

    /// Take the lock that a server holds on its store; `None` when a server lives.
    ///
    /// # Errors
    ///
    /// When the file cannot be created.
    pub(crate) fn lock_store(&self) -> io::Result<Option<File>> {
        self.try_lock("store.lock")
    }

    fn try_lock(&self, name: &str) -> io::Result<Option<File>> {
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(self.dir.join(name))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Warn and do not refuse: some volumes have no modes.
    fn close_to_others(&self) -> io::Result<()> {
        if fs::metadata(&self.dir)?.permissions().mode() & 0o077 != 0
            && let Err(error) = fs::set_permissions(&self.dir, Permissions::from_mode(0o700))
        {
            let dir = self.dir.display();
            tracing::warn!(%error, %dir, "other users of this machine can read the password of the embedded nats-server");
        }
        Ok(())
    }

    /// The server that was started last, unless its owner has ended it.
    pub(crate) fn record(&self) -> Option<Record> {
        serde_json::from_slice(&fs::read(self.record_path()).ok()?).ok()
    }

    /// Record the server.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub(crate) fn write_record(&self, record: &Record) -> io::Result<()> {
        self.write("server.json", &serde_json::to_vec(record)?)
    }

    /// Remove the record of a server that has ended.
    pub(crate) fn remove_record(&self) {
        // A record that stays behind is checked before it is used.
        let _ = fs::remove_file(self.record_path());
    }

    /// The password of the server, once an instance has started one.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub(crate) fn password(&self) -> io::Result<SecretString> {
        fs::read_to_string(self.dir.join("password")).map(SecretString::from)
    }

    /// The password of the server: the one that was made first.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or written.
    pub(crate) fn password_or(&self, fresh: &SecretString) -> io::Result<SecretString> {
        match self.password() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.write("password", fresh.expose_secret().as_bytes())?;
                Ok(fresh.clone())
            }
            read => read,
        }
    }

    /// Write the configuration of the server, and the context for the `nats` command.
    ///
    /// # Errors
    ///
    /// When a file cannot be written.
    pub(crate) fn write_config(&self, port: u16, password: &SecretString, stream: &StreamSettings) -> io::Result<()> {
        let (server_name, dir) = (&*self.server_name(), &*self.dir);
        let configuration = Configuration { server_name, dir, port, password, stream };
        self.write("nats-server.conf", configuration.text().as_bytes())?;
        let context = json!({
            "description": "Reads and changes the embedded nats-server of Watchword",
            "url": format!("nats://127.0.0.1:{port}"),
            "user": USER,
            "password": password.expose_secret(),
            // Guests may subscribe to _INBOX.
            "inbox_prefix": "_INBOX_operator",
        });
        self.write("operator.json", format!("{context:#}\n").as_bytes())
    }

    /// Give the account of the service what an earlier version has stored without accounts.
    ///
    /// # Errors
    ///
    /// When the directory cannot be renamed.
    pub(crate) fn move_store(&self) -> io::Result<()> {
        let store = self.dir.join("jetstream");
        let (before, now) = (store.join("$G"), store.join(ACCOUNT));
        if before.is_dir() && !now.exists() {
            fs::rename(before, now)?;
        }
        Ok(())
    }

    /// Write a whole file that its owner alone can read.
    fn write(&self, name: &str, content: &[u8]) -> io::Result<()> {
        let fresh = self.dir.join(format!("{name}.new"));
        // One that was left behind may have another mode.
        let _ = fs::remove_file(&fresh);
        let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&fresh)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(fresh, self.dir.join(name))
    }

    fn record_path(&self) -> PathBuf {
        self.dir.join("server.json")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_instance_locks_and_its_record_is_read_by_another() {
        let data = tempfile::tempdir().unwrap();
        let (mine, other) = (Files::new(data.path()).unwrap(), Files::new(data.path()).unwrap());
        let held = mine.lock().unwrap();
        assert!(held.is_some());
        assert!(other.lock().unwrap().is_none());
        assert_eq!(other.record(), None);
        let record = Record { pid: 7, port: 4222 };
        mine.write_record(&record).unwrap();
        assert_eq!(other.record(), Some(record));
        mine.remove_record();
        assert_eq!(other.record(), None);
        drop(held);
        assert!(other.lock().unwrap().is_some());
        assert_eq!(mine.server_name(), other.server_name());
    }

    #[test]
    fn the_first_password_stays_and_its_owner_alone_reads_it() {
        let data = tempfile::tempdir().unwrap();
        let files = Files::new(data.path()).unwrap();
        let _lock = files.lock().unwrap();
        let read = |fresh: &str| files.password_or(&SecretString::from(fresh)).unwrap().expose_secret().to_owned();
        assert_eq!((read("first"), read("second")), ("first".to_owned(), "first".to_owned()));
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(files.dir()), 0o700);
        assert_eq!(mode(&files.dir().join("password")), 0o600);
    }

    #[test]
    fn what_was_stored_without_accounts_goes_to_the_account_of_the_service() {
        let data = tempfile::tempdir().unwrap();
        let files = Files::new(data.path()).unwrap();
        files.move_store().unwrap();
        let store = files.dir().join("jetstream");
        fs::create_dir_all(store.join("$G/streams")).unwrap();
        files.move_store().unwrap();
        assert!(store.join(ACCOUNT).join("streams").is_dir());
        // One that comes later is not put in its place.
        fs::create_dir_all(store.join("$G")).unwrap();
        files.move_store().unwrap();
        assert!(store.join("$G").is_dir());
    }
}
