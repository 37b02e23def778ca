//! One scratch directory per test process, and the watchdog that outlives the process to clean up.
//!
//! Guards stop their children when they are dropped. A test process that is killed drops nothing, and a static is never
//! dropped at all, so a small shell watches the process: it holds the read end of a pipe, and when the pipe closes (the
//! process is gone, however it went) it ends every child that still has a file under `pids/` and removes the directory.

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
    /// Its standard input is the pipe; it must live as long as the process does.
    _watchdog: Child,
}

/// Waits for the end of the test process, then ends the children that are left and removes the directory.
///
/// Each file under `pids/` is named by a process id and contains the signal that ends it.
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
            // PostgreSQL runs as another user when the tests run as root: it must be able to walk in.
            .permissions(fs::Permissions::from_mode(0o755))
            .tempdir()
            .expect("create the scratch directory")
            .keep();
        fs::create_dir(path.join("pids")).expect("create pids/");
        let watchdog = Command::new("sh")
            .args(["-c", WATCHDOG, "watchdog"])
            .arg(&path)
            // Its own group: an interrupt from the keyboard must end the tests, not the one who cleans up.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("start the watchdog");
        RunDir {
            path,
            _watchdog: watchdog,
        }
    })
}

/// Makes a fresh directory `<name>-<n>` under the scratch directory. It goes away with the test process.
pub(crate) fn scratch(name: &str) -> PathBuf {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    let path = run_dir().path.join(format!("{name}-{n}"));
    fs::create_dir(&path).expect("create a scratch directory");
    path
}

/// The file that tells the watchdog to end `pid`.
fn pid_file(pid: u32) -> PathBuf {
    run_dir().path.join("pids").join(pid.to_string())
}

/// Tells the watchdog to send `signal` (a name such as `KILL`) to `pid` when the test process is gone.
pub(crate) fn watch(pid: u32, signal: &str) {
    fs::write(pid_file(pid), signal).expect("register a child with the watchdog");
}

/// Tells the watchdog that `pid` has ended.
pub(crate) fn unwatch(pid: u32) {
    // Missing when the process was never registered; nothing to undo then.
    drop(fs::remove_file(pid_file(pid)));
}

/// Finds `program`: the path in the environment variable `variable`, else the first of `places` that holds it, else PATH.
pub(crate) fn find_program(program: &str, variable: &str, places: &[PathBuf]) -> PathBuf {
    if let Some(path) = std::env::var_os(variable) {
        return path.into();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    places
        .iter()
        .cloned()
        .chain(std::env::split_paths(&path))
        .map(|place| place.join(program))
        .find(|file| file.is_file())
        .unwrap_or_else(|| panic!("{program} not found: install it (`make test` does) or set {variable}"))
}

/// The root of the repository.
pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
