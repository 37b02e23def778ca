//! One scratch directory per test process, and the watchdog that cleans up after the process.
//!
//! Guards stop their children when they are dropped. A killed process drops nothing, and a static
//! is never dropped. Therefore a small shell script watches the process: it holds the read end of a
//! pipe. When the pipe closes, the process has ended. The script then ends every child that has a
//! file under `pids/`, and removes the directory.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// The scratch directory of this test process.
struct RunDir {
    path: PathBuf,
    /// The standard input is the pipe, which must stay open as long as the process lives.
    _watchdog: Child,
}

/// Waits for the end of the test process, ends the remaining children, and removes the directory.
/// Each file under `pids/` has a process id as its name, and contains the signal that ends the
/// process.
const WATCHDOG: &str = r#"
cat >/dev/null
for file in "$1"/pids/*; do
    [ -f "$file" ] || continue
    pid="${file##*/}"
    kill -CONT "$pid" 2>/dev/null
    kill -"$(cat "$file")" "$pid" 2>/dev/null
done
tries=0
while [ "$tries" -lt 50 ]; do
    rm -rf "$1" 2>/dev/null && exit 0
    tries=$((tries + 1))
    sleep 0.1
done
"#;

fn run_dir() -> &'static RunDir {
    static RUN: OnceLock<RunDir> = OnceLock::new();
    RUN.get_or_init(|| {
        let path = tempfile::Builder::new()
            .prefix("watchword-it-")
            // PostgreSQL runs as another user when the tests run as root, and must be able to
            // enter.
            .permissions(fs::Permissions::from_mode(0o755))
            .tempdir()
            .expect("create the scratch directory")
            .keep();
        fs::create_dir(path.join("pids")).expect("create pids/");
        let watchdog = Command::new("sh")
            .args(["-c", WATCHDOG, "watchdog"])
            .arg(&path)
            // Its own process group: Ctrl-C must end the tests, but not the watchdog.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("start the watchdog");
        RunDir { path, _watchdog: watchdog }
    })
}

/// Creates the directory `<name>-<n>` under the scratch directory. It is removed with the test
/// process.
pub(crate) fn scratch(name: &str) -> PathBuf {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    let path = run_dir().path.join(format!("{name}-{n}"));
    fs::create_dir(&path).expect("create a scratch directory");
    path
}

/// Returns the file that makes the watchdog end `pid`.
fn pid_file(pid: u32) -> PathBuf {
    run_dir().path.join("pids").join(pid.to_string())
}

/// Makes the watchdog send `signal` (a name such as `KILL`) to `pid` after the test process has
/// ended.
pub(crate) fn watch(pid: u32, signal: &str) {
    fs::write(pid_file(pid), signal).expect("register a child with the watchdog");
}

/// Removes `pid` from the watchdog after it has ended.
pub(crate) fn unwatch(pid: u32) {
    // Missing if the process was never registered.
    drop(fs::remove_file(pid_file(pid)));
}

/// Finds `program`: the path in the environment variable `variable`, else the first of
/// `directories` that contains it, else on PATH.
pub(crate) fn find_program(program: &str, variable: &str, directories: &[PathBuf]) -> PathBuf {
    if let Some(path) = std::env::var_os(variable) {
        return path.into();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    directories
        .iter()
        .cloned()
        .chain(std::env::split_paths(&path))
        .map(|place| place.join(program))
        .find(|file| file.is_file())
        .unwrap_or_else(|| panic!("{program} not found: install it (`make test` does) or set {variable}"))
}

/// Copies a directory with everything in it.
pub(crate) fn copy_directory(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("create a directory");
    for entry in fs::read_dir(from).expect("read a directory") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("its type").is_dir() {
            copy_directory(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("copy a file");
        }
    }
}

/// Returns the root of the repository.
pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
