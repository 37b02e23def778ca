//! The embedded server's directory: `<data_dir>/nats`.
//!
//! | file | |
//! |---|---|
//! | `lock` | locked while an instance runs the server; the kernel unlocks it |
//! | `server.json` | process id and port of the server |
//! | `nats-server.conf`, `nats-server.log` | configuration and log of the server |
//! | `jetstream/` | store of the server |

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    hash::{DefaultHasher, Hash as _, Hasher as _},
    io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

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
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(self.dir.join("lock"))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
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
        let fresh = self.dir.join("server.json.new");
        fs::write(&fresh, serde_json::to_vec(record)?)?;
        fs::rename(fresh, self.record_path())
    }

    /// Remove the record of a server that has ended.
    pub(crate) fn remove_record(&self) {
        // A record that stays behind is checked before it is used.
        let _ = fs::remove_file(self.record_path());
    }

    /// Write the configuration: local only, every message synced before it is acknowledged.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub(crate) fn write_config(&self, port: u16) -> io::Result<()> {
        let text = format!(
            "# Written at every start of the embedded server; changes are lost.\n\
             server_name: {name}\n\
             listen: \"127.0.0.1:{port}\"\n\
             max_payload: 256KB\n\
             log_file: {log}\n\
             logfile_size_limit: 10MB\n\
             logfile_max_num: 2\n\
             jetstream {{\n  store_dir: {store}\n  sync_interval: always\n  max_file_store: 1GB\n}}\n",
            name = quoted(&self.server_name()),
            log = quoted(&self.dir.join("nats-server.log").to_string_lossy()),
            store = quoted(&self.dir.to_string_lossy()),
        );
        fs::write(self.config(), text)
    }

    fn record_path(&self) -> PathBuf {
        self.dir.join("server.json")
    }
}

/// A string in the configuration language of nats-server.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
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
    fn paths_are_quoted() {
        assert_eq!(quoted(r#"/a "b"\c"#), r#""/a \"b\"\\c""#);
    }
}
