//! Finding `nats-server`.

use std::{
    env,
    path::{Path, PathBuf},
};

const PROGRAM: &str = "nats-server";
const TOOLS: &str = ".tools";

/// Find the program: `nats.server_path`; else `.tools/nats-server` in the working directory or
/// beside this executable; else `nats-server` on `PATH`.
pub(crate) fn nats_server(configured: Option<&Path>) -> Option<PathBuf> {
    if let Some(path) = configured {
        return path.is_file().then(|| path.to_owned());
    }
    let here = env::current_dir().ok();
    let beside = env::current_exe().ok().and_then(|exe| exe.parent().map(Path::to_owned));
    let installed = here.iter().chain(&beside).map(|dir| dir.join(TOOLS).join(PROGRAM));
    installed.chain(on_path(PROGRAM)).find(|path| path.is_file())
}

/// Every path under `PATH` that a program may have.
pub(crate) fn on_path(program: &'static str) -> impl Iterator<Item = PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let dirs: Vec<PathBuf> = env::split_paths(&path).collect();
    dirs.into_iter().map(move |dir| dir.join(program))
}
