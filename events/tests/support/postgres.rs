//! A real PostgreSQL for tests: a cluster in a temporary directory, reached through a Unix socket.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use tempfile::TempDir;

use super::support::eventually;

pub(crate) struct Postgres {
    child: Child,
    directory: TempDir,
}

impl Postgres {
    pub(crate) async fn start() -> Self {
        let directory = tempfile::Builder::new()
            // PostgreSQL runs as another user when the tests run as root, and must be able to
            // enter.
            .permissions(fs::Permissions::from_mode(0o755))
            .tempdir()
            .unwrap();
        if let Some((uid, gid)) = server_user() {
            chown(directory.path(), Some(uid), Some(gid)).unwrap();
        }
        let initialized = program("initdb")
            .args([
                "--auth=trust",
                "--no-sync",
                "--locale=C",
                "--encoding=UTF8",
                "--username=test",
                "--pgdata",
            ])
            .arg(directory.path().join("data"))
            .current_dir(directory.path())
            .output()
            .unwrap();
        assert!(initialized.status.success(), "{}", String::from_utf8_lossy(&initialized.stderr));
        let child = spawn(&directory);
        let postgres = Self { child, directory };
        postgres.ready().await;
        postgres
    }

    /// Crashes the server and restarts it.
    pub(crate) async fn crash(&mut self) {
        let sent = Command::new("kill").arg("-QUIT").arg(self.child.id().to_string()).status();
        assert!(sent.unwrap().success());
        self.child.wait().unwrap();
        self.child = spawn(&self.directory);
        self.ready().await;
    }

    /// Returns the socket's directory, for [`connect`] in another process.
    pub(crate) fn socket(&self) -> PathBuf {
        self.directory.path().to_owned()
    }

    pub(crate) async fn pool(&self) -> PgPool {
        connect(self.socket()).await.unwrap()
    }

    async fn ready(&self) {
        eventually("PostgreSQL answers", async || connect(self.socket()).await.ok()).await;
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // SIGQUIT and not SIGKILL: the server's children must end too. It may have ended before.
        let _ = Command::new("kill").arg("-QUIT").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}

pub(crate) async fn connect(socket: PathBuf) -> Result<PgPool, sqlx::Error> {
    let options = PgConnectOptions::new().socket(socket).username("test").database("postgres");
    let pool = PgPoolOptions::new().max_connections(20).acquire_timeout(Duration::from_secs(3));
    pool.connect_with(options).await
}

fn spawn(directory: &TempDir) -> Child {
    program("postgres")
        .arg("-D")
        .arg(directory.path().join("data"))
        .args(["-c", "listen_addresses=", "-c", "fsync=off", "-c"])
        .arg(format!("unix_socket_directories={}", directory.path().display()))
        .current_dir(directory.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Returns a program of the newest installed PostgreSQL, or of the one in `WATCHWORD_POSTGRES_BIN`.
fn program(name: &str) -> Command {
    let installed = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = installed.max_by_key(|entry| entry.file_name().to_string_lossy().parse::<u32>().unwrap_or_default());
    let directory = std::env::var_os("WATCHWORD_POSTGRES_BIN")
        .map(PathBuf::from)
        .or_else(|| newest.map(|entry| entry.path().join("bin")));
    let mut command = Command::new(directory.unwrap_or_default().join(name));
    if let Some((uid, gid)) = server_user() {
        command.uid(uid).gid(gid);
    }
    command
}

/// Returns the user and group for PostgreSQL, which refuses to run as root.
fn server_user() -> Option<(u32, u32)> {
    if fs::metadata("/proc/self").unwrap().uid() != 0 {
        return None;
    }
    let accounts = fs::read_to_string("/etc/passwd").unwrap();
    let line = accounts
        .lines()
        .find(|line| line.starts_with("postgres:"))
        .or_else(|| accounts.lines().find(|line| line.starts_with("nobody:")))?;
    let mut fields = line.split(':').skip(2);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}
