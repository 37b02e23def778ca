//! Whether the service can write where it has to. A directory that it does not need may belong to
//! another user, as in a container that runs under any user id.

use std::path::{Path, PathBuf};

use rustix::fs::{Access, AtFlags, CWD, accessat};
use rustix::process::geteuid;

use crate::config::Settings;
use crate::security::SecretKey;
use crate::store::Store;

/// What is wrong with the directories that are needed.
pub(super) fn problems(settings: &Settings) -> Vec<String> {
    let data_dir = &settings.data_dir;
    let mut spared_by = Vec::new();
    if settings.secret_key.is_none() && matches!(SecretKey::load(data_dir), Ok(None)) {
        spared_by.push("WATCHWORD_SECRET_KEY");
    }
    if settings.database.url.is_none() {
        spared_by.push("DATABASE_URL");
    }
    if settings.nats.url.is_none() {
        spared_by.push("NATS_URL");
    }
    let mut problems = Vec::new();
    if !spared_by.is_empty()
        && let Err(error) = writable(data_dir)
    {
        let (path, user, keys) = (data_dir.display(), geteuid().as_raw(), spared_by.join(", "));
        problems.push(format!(
            "data_dir: {path} cannot be written by user {user}: {error}; make it writable, or set what spares it: {keys}"
        ));
    }
    if settings.database.url.is_some()
        && let Some(folder) = database_folder(settings)
        && let Err(error) = writable(&folder)
    {
        let (path, user) = (folder.display(), geteuid().as_raw());
        problems.push(format!(
            "database.url: the directory {path} cannot be written by user {user}: {error}; make it writable, or use \
             another one"
        ));
    }
    problems
}

/// Where a database that is a file is.
fn database_folder(settings: &Settings) -> Option<PathBuf> {
    let file = Store::check_address(&settings.database, &settings.data_dir).ok()??;
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    Some(folder.unwrap_or_else(|| Path::new(".")).to_path_buf())
}

/// Check that files can be created in a directory, or it in the nearest one that exists.
fn writable(directory: &Path) -> std::io::Result<()> {
    let full = std::path::absolute(directory)?;
    let existing = full.ancestors().find(|path| path.exists()).unwrap_or(&full);
    if !existing.is_dir() {
        return Err(std::io::ErrorKind::NotADirectory.into());
    }
    accessat(CWD, existing, Access::WRITE_OK | Access::EXEC_OK, AtFlags::EACCESS)?;
    Ok(())
}
