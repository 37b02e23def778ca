//! PostgreSQL with its durable settings: every commit reaches the disk.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use super::{Child, READY, find, free_port};
use crate::Outcome;

const ROLE: &str = "watchword";

pub(crate) struct Postgres {
    _child: Child,
    port: u16,
    directory: PathBuf,
}

impl Postgres {
    pub(super) async fn start(scratch: &Path) -> Outcome<Self> {
        let directory = scratch.join("postgres");
        fs::create_dir_all(&directory)?;
        let user = server_user()?;
        if let Some((uid, gid)) = user {
            chown(&directory, Some(uid), Some(gid))?;
        }
        let data = directory.join("data");
        let mut initdb = Command::new(program("initdb")?);
        initdb
            .args([
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C",
                "--username",
                ROLE,
                "--pgdata",
            ])
            .arg(&data);
        let output = as_user(&mut initdb, user).current_dir(&directory).stdin(Stdio::null()).output()?;
        checked(&output)?;
        let port = free_port();
        let mut server = Command::new(program("postgres")?);
        server.arg("-D").arg(&data).current_dir(&directory);
        for setting in [
            "listen_addresses=127.0.0.1".to_owned(),
            format!("port={port}"),
            format!("unix_socket_directories={}", directory.display()),
            "shared_buffers=128MB".to_owned(),
            "track_commit_timestamp=on".to_owned(),
        ] {
            server.arg("-c").arg(setting);
        }
        let child = Child::start(as_user(&mut server, user), &scratch.join("postgres.log"))?;
        let postgres = Self { _child: child, port, directory };
        postgres.ready().await?;
        Ok(postgres)
    }

    pub(crate) fn url(&self) -> String {
        format!("postgres://{ROLE}@127.0.0.1:{}/postgres", self.port)
    }

    /// Returns a directory to which PostgreSQL's programs may write.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Runs statements, and returns the rows of the last as text, with `|` between columns.
    pub(crate) fn sql(&self, text: &str) -> Outcome<String> {
        let output = Command::new(program("psql")?)
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", text, &self.url()])
            .stdin(Stdio::null())
            .output()?;
        checked(&output)?;
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    }

    /// Runs the statements of a file, each in a transaction of its own.
    pub(crate) fn script(&self, file: &Path) -> Outcome<String> {
        let output = Command::new(program("psql")?)
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-f"])
            .arg(file)
            .arg(self.url())
            .stdin(Stdio::null())
            .output()?;
        checked(&output)?;
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Runs a query that returns a number.
    pub(crate) fn number(&self, query: &str) -> Outcome<f64> {
        let text = self.sql(query)?;
        Ok(text.parse().map_err(|_| format!("{query}: {text:?} is no number"))?)
    }

    /// Runs `pgbench` with a script, and returns its output.
    pub(crate) fn pgbench(&self, script: &Path, arguments: &[&str]) -> Outcome<String> {
        let output = Command::new(program("pgbench")?)
            .args(["--no-vacuum", "--protocol=prepared", "--file"])
            .arg(script)
            .args(arguments)
            .arg(self.url())
            .stdin(Stdio::null())
            .output()?;
        checked(&output)?;
        Ok(String::from_utf8(output.stdout)?)
    }

    async fn ready(&self) -> Outcome<()> {
        let started = Instant::now();
        while let Err(error) = self.sql("SELECT 1") {
            if started.elapsed() > READY {
                return Err(error);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }
}

fn checked(output: &Output) -> Outcome<()> {
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stderr).into_owned().into())
}

fn as_user(command: &mut Command, user: Option<(u32, u32)>) -> &mut Command {
    match user {
        Some((uid, gid)) => command.uid(uid).gid(gid),
        None => command,
    }
}

/// Returns a program of the newest installed PostgreSQL.
fn program(name: &str) -> Outcome<PathBuf> {
    let installed = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<(u32, PathBuf)> = installed
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .collect();
    versions.sort();
    let directories: Vec<PathBuf> = versions.into_iter().rev().map(|(_, directory)| directory).collect();
    find(name, &directories)
}

/// Returns the user and group for PostgreSQL, which refuses to run as root.
fn server_user() -> Outcome<Option<(u32, u32)>> {
    if fs::metadata("/proc/self")?.uid() != 0 {
        return Ok(None);
    }
    let accounts = fs::read_to_string("/etc/passwd")?;
    let ids = |name: &str| {
        let line = accounts.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    Ok(Some(ids("postgres").or_else(|| ids("nobody")).ok_or("no user to run PostgreSQL as")?))
}
