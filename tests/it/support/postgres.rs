//! A real PostgreSQL cluster as a child process: shared by the test process, or private.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection, Executor};
use tokio::sync::OnceCell;

use super::process::{LastSignal, ProcessSpec};
use super::run_dir::{find_program, scratch};
use super::server::{Server, deref_to_server};

/// How long an immediate shutdown may take.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(60);
/// The role that owns everything. Local connections need no password.
pub(super) const ROLE: &str = "watchword";

/// Whether the data survives a crash of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durability {
    /// Without fsync, which is fast. A killed server loses nothing, a crashed machine would.
    Fast,
    /// As in production.
    Durable,
}

/// A PostgreSQL cluster. It ends when it is dropped, and with the test process in any case.
#[derive(Debug)]
pub(crate) struct Postgres {
    server: Server,
    data: PathBuf,
    durability: Durability,
}

deref_to_server!(Postgres);

impl Postgres {
    /// Returns the cluster that all tests of this process share. Never kill it.
    pub(crate) async fn shared() -> &'static Self {
        static SHARED: OnceCell<Postgres> = OnceCell::const_new();
        SHARED.get_or_init(|| Self::private(Durability::Fast)).await
    }

    /// Starts a private cluster, which the test may kill, pause and restart.
    pub(crate) async fn private(durability: Durability) -> Self {
        let (dir, user) = server_dir();
        let initdb_dir = dir.clone();
        tokio::task::spawn_blocking(move || initdb(&initdb_dir, user)).await.expect("initdb");
        Self::start(dir, durability).await
    }

    /// Starts a standby with a copy of this cluster's data, which is stopped for the copy. It
    /// receives nothing, and answers reads until [`Postgres::promote`].
    pub(crate) async fn standby(&mut self) -> Self {
        self.stop().await;
        let (dir, user) = server_dir();
        let mut copy = Command::new("cp");
        copy.arg("-a").args([&self.data, &dir]);
        let copied = tokio::task::spawn_blocking(move || copy.status()).await.expect("cp");
        assert!(copied.expect("run cp").success(), "cp failed");
        let signal = dir.join("data/standby.signal");
        fs::write(&signal, "").expect("write standby.signal");
        if let Some((uid, gid)) = user {
            chown(&signal, Some(uid), Some(gid)).expect("give the file to PostgreSQL's user");
        }
        self.start_again().await;
        Self::start(dir, self.durability).await
    }

    /// Makes a primary of a standby.
    pub(crate) async fn promote(&self) {
        self.execute("postgres", "SELECT pg_promote()").await.expect("promote");
    }

    async fn start(dir: PathBuf, durability: Durability) -> Self {
        let (data, user) = (dir.join("data"), server_user());
        let spec = |port| ProcessSpec {
            name: "postgres",
            program: program("postgres"),
            args: arguments(&data, &dir, port, durability),
            env: None,
            // The test's user opens the log before the switch, so the log may be outside the
            // directory.
            log: scratch("postgres-log").join("postgres.log"),
            user,
            last_signal: LastSignal::Quit,
        };
        let server = Server::start(spec, |port| async move {
            execute(&url(port, "postgres"), "SELECT 1").await.map_err(|error| error.to_string())
        });
        Self { server: server.await, data, durability }
    }

    /// Returns the URL of a database of this cluster.
    pub(crate) fn url(&self, database: &str) -> String {
        url(self.port(), database)
    }

    /// Returns the URL of a database through a proxy's port.
    pub(crate) fn url_through(&self, port: u16, database: &str) -> String {
        url(port, database)
    }

    /// Returns the directory of its sockets.
    pub(crate) fn sockets(&self) -> &Path {
        self.data.parent().expect("the directory of the data")
    }

    /// Writes a file of its data directory, which the server's user alone can read.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.data.join(name);
        fs::write(&path, text).expect("write a file of the server");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("make it private");
        if let Some((uid, gid)) = server_user() {
            chown(&path, Some(uid), Some(gid)).expect("give the file to PostgreSQL's user");
        }
    }

    /// Ends the server as a crash would (SIGQUIT, immediate shutdown). The next start runs
    /// recovery.
    pub(crate) async fn crash(&mut self) {
        self.process().signal(Signal::QUIT);
        self.process().wait_exit(SHUTDOWN_TIMEOUT).await;
    }

    /// Freezes the server with all its sessions: they keep their connections and answer nothing.
    pub(crate) fn freeze(&mut self) {
        // The server first, so that it starts no other process.
        self.pause();
        self.signal_children(Signal::STOP);
    }

    /// Resumes a server after [`Postgres::freeze`].
    pub(crate) fn thaw(&mut self) {
        self.signal_children(Signal::CONT);
        self.resume();
    }

    /// Sends a signal to every process of the server but the first.
    fn signal_children(&mut self, signal: Signal) {
        let Some(pid) = self.process().pid() else { return };
        for child in children(pid) {
            // A process that has just ended is no error.
            let _ = kill_process(child, signal);
        }
    }

    /// Runs statements in a database as its owner.
    pub(crate) async fn execute(&self, database: &str, sql: &str) -> Result<(), sqlx::Error> {
        execute(&self.url(database), sql).await
    }

    /// Creates a database, as a copy of `template` if there is one.
    pub(crate) async fn create_database(&self, name: &str, template: Option<&str>) {
        let template = template.unwrap_or("template0");
        self.execute("postgres", &format!("CREATE DATABASE \"{name}\" TEMPLATE \"{template}\""))
            .await
            .expect("create a database");
    }

    /// Drops a database, and closes the connections to it.
    pub(crate) async fn drop_database(&self, name: &str) -> Result<(), sqlx::Error> {
        self.execute("postgres", &format!("DROP DATABASE IF EXISTS \"{name}\" WITH (FORCE)"))
            .await
    }
}

/// Returns the URL of a database at a port.
fn url(port: u16, database: &str) -> String {
    format!("postgres://{ROLE}@127.0.0.1:{port}/{database}")
}

/// Runs statements over a new connection.
async fn execute(url: &str, sql: &str) -> Result<(), sqlx::Error> {
    let mut connection = PgConnection::connect(url).await?;
    connection.execute(AssertSqlSafe(sql.to_owned())).await?;
    connection.close().await
}

/// Returns the processes that a process has started.
fn children(parent: u32) -> Vec<Pid> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    processes
        .filter_map(|process| {
            let stat = fs::read_to_string(process.path().join("stat")).ok()?;
            // The format is `pid (name) state parent …`, and the name may contain anything.
            let its_parent = stat.rsplit_once(") ")?.1.split(' ').nth(1)?;
            let pid = (its_parent == parent.to_string()).then(|| process.file_name())?;
            Pid::from_raw(pid.to_str()?.parse().ok()?)
        })
        .collect()
}

/// Creates a directory that PostgreSQL's user may write.
fn server_dir() -> (PathBuf, Option<(u32, u32)>) {
    let (dir, user) = (scratch("postgres"), server_user());
    if let Some((uid, gid)) = user {
        chown(&dir, Some(uid), Some(gid)).expect("give the directory to PostgreSQL's user");
    }
    (dir, user)
}

/// Creates the data directory `<dir>/data`.
fn initdb(dir: &Path, user: Option<(u32, u32)>) {
    use std::os::unix::process::CommandExt;
    let mut command = Command::new(program("initdb"));
    command
        .args([
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
            "--username",
            ROLE,
            "--pgdata",
        ])
        .arg(dir.join("data"))
        .current_dir(dir)
        .stdin(Stdio::null());
    if let Some((uid, gid)) = user {
        command.uid(uid).gid(gid);
    }
    let output = command.output().expect("run initdb");
    assert!(output.status.success(), "initdb failed: {}", String::from_utf8_lossy(&output.stderr));
}

fn arguments(data: &Path, sockets: &Path, port: u16, durability: Durability) -> Vec<String> {
    let mut settings = vec![
        "listen_addresses=127.0.0.1".to_owned(),
        format!("port={port}"),
        format!("unix_socket_directories={}", sockets.display()),
        // Many tests run at once, each with one or two pools.
        "max_connections=300".to_owned(),
        "shared_buffers=64MB".to_owned(),
    ];
    if durability == Durability::Fast {
        settings.extend(["fsync=off", "full_page_writes=off"].map(String::from));
    }
    let mut args = vec!["-D".to_owned(), data.display().to_string()];
    args.extend(settings.into_iter().flat_map(|setting| ["-c".to_owned(), setting]));
    args
}

/// Returns a program of the newest installed PostgreSQL.
pub(crate) fn program(name: &str) -> PathBuf {
    let mut versions: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            Some((path.file_name()?.to_str()?.parse().ok()?, path.join("bin")))
        })
        .collect();
    versions.sort();
    let mut directories: Vec<PathBuf> =
        std::env::var_os("WATCHWORD_POSTGRES_BIN").map(PathBuf::from).into_iter().collect();
    directories.extend(versions.into_iter().rev().map(|(_, bin)| bin));
    find_program(name, &format!("WATCHWORD_{}", name.to_uppercase()), &directories)
}

/// Returns the user and group for PostgreSQL, which refuses to run as root.
pub(super) fn server_user() -> Option<(u32, u32)> {
    if fs::metadata("/proc/self").map_or(1, |process| process.uid()) != 0 {
        return None;
    }
    let accounts = fs::read_to_string("/etc/passwd").expect("read /etc/passwd");
    let ids = |name: &str| {
        let line = accounts.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    Some(ids("postgres").or_else(|| ids("nobody")).expect("a user to run PostgreSQL as"))
}
