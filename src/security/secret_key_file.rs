//! The generated secret key of a single machine: `secret.key` in the data directory.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::SecretString;
use zeroize::{Zeroize as _, Zeroizing};

use super::secret_key::{SecretKey, SecretKeyLoadError};
use crate::domain::random::Random;

pub const SECRET_KEY_FILE: &str = "secret.key";

const GENERATED_BYTES: usize = 32;

impl SecretKey {
    /// Load the key of `data_dir`; generate it on the first call. The directory is created if it is
    /// missing.
    ///
    /// Processes that start together agree on one key: a complete file is written under a name of
    /// its own and then linked into place, which fails when another process was first.
    ///
    /// # Errors
    /// The file cannot be read or created, or has no valid key (it is never overwritten).
    pub fn load_or_create(data_dir: &Path, random: &dyn Random) -> Result<Self, SecretKeyLoadError> {
        let path = data_dir.join(SECRET_KEY_FILE);
        let failed = |action| {
            let path = path.clone();
            move |source| SecretKeyLoadError::File { path, action, source }
        };
        let key = match Self::load(data_dir)? {
            Some(key) => key,
            None => {
                create(data_dir, &path, random).map_err(failed("created"))?;
                let gone = || failed("read")(io::ErrorKind::NotFound.into());
                Self::load(data_dir)?.ok_or_else(gone)?
            }
        };
        warn_if_shared(&path).map_err(failed("read"))?;
        Ok(key)
    }

    /// Load the key of `data_dir`, if there is one.
    ///
    /// # Errors
    /// The file cannot be read, or has no valid key.
    pub fn load(data_dir: &Path) -> Result<Option<Self>, SecretKeyLoadError> {
        let path = data_dir.join(SECRET_KEY_FILE);
        match fs::read_to_string(&path) {
            Ok(text) => Self::from_base64(&SecretString::from(text)).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(SecretKeyLoadError::File { path, action: "read", source }),
        }
    }
}

fn create(data_dir: &Path, path: &Path, random: &dyn Random) -> io::Result<()> {
    let mut directory = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut directory, 0o700);
    directory.recursive(true).create(data_dir)?;
    let mut suffix = [0_u8; 8];
    random.fill(&mut suffix);
    let draft = data_dir.join(format!("{SECRET_KEY_FILE}.{:016x}", u64::from_be_bytes(suffix)));
    let linked = write_new(&draft, random).and_then(|()| match fs::hard_link(&draft, path) {
        // Another process was first: its key counts.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    });
    let removed = fs::remove_file(&draft);
    linked?;
    removed?;
    sync_directory(data_dir)
}

fn write_new(draft: &Path, random: &dyn Random) -> io::Result<()> {
    let mut key = Zeroizing::new([0_u8; GENERATED_BYTES]);
    random.fill(key.as_mut_slice());
    let mut text = STANDARD.encode(key.as_slice());
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(draft)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.write_all(b"\n"));
    text.zeroize();
    written?;
    // If this key were lost in a power cut, no sealed row could be opened again.
    file.sync_all()
}

#[cfg(unix)]
fn sync_directory(directory: &Path) -> io::Result<()> {
    fs::File::open(directory)?.sync_all()
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "the same signature on every platform")]
fn sync_directory(_directory: &Path) -> io::Result<()> {
    Ok(())
}

/// Warn and do not refuse: volume drivers (Kubernetes `fsGroup`) widen the mode of files on their
/// own.
#[cfg(unix)]
fn warn_if_shared(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    if fs::metadata(path)?.permissions().mode() & 0o077 != 0 {
        let file: PathBuf = path.to_owned();
        tracing::warn!(file = %file.display(), "other users of this machine can read the secret key; set its mode to 0600");
    }
    Ok(())
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "the same signature on every platform")]
fn warn_if_shared(_path: &Path) -> io::Result<()> {
    Ok(())
}
