//! The machine of a reader: a directory, programs on PATH, and a free port for each port that the
//! documents name.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::{env, fs};

use regex::{Captures, Regex};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};

use super::Persona;
use crate::support::nats;
use crate::support::ports::free_port;
use crate::support::postgres::{Durability, Postgres};
use crate::support::redis::RedisServer;
use crate::support::run_dir::{repository, scratch};

/// The ports in the documents: two instances with their metrics, NATS and its monitor, PostgreSQL,
/// Redis.
const PORTS: [u16; 8] = [3001, 9464, 3002, 9465, 4222, 8222, 5432, 6379];

/// Where a document's commands run.
pub(super) struct Machine {
    directory: PathBuf,
    /// Each port of the documents, and the port that replaces it.
    ports: Vec<(u16, u16)>,
    environment: Vec<(String, String)>,
    /// Whether the `nats` command is there.
    pub(super) has_nats: bool,
    /// The servers that an operator has.
    _servers: Option<(Postgres, RedisServer)>,
}

impl Machine {
    pub(super) async fn start(persona: Persona) -> Self {
        let servers = match persona {
            Persona::Newcomer => None,
            Persona::Operator => Some((postgres().await, RedisServer::start().await)),
        };
        let port = |documented: u16| match (documented, &servers) {
            (5432, Some((postgres, _))) => postgres.port(),
            (6379, Some((_, redis))) => redis.port(),
            _ => free_port(),
        };
        let ports: Vec<(u16, u16)> = PORTS.map(|documented| (documented, port(documented))).to_vec();
        let directory = scratch("documentation");
        let mut machine = Self {
            environment: environment(persona, &directory),
            directory,
            ports,
            has_nats: false,
            _servers: servers,
        };
        for (_, value) in &mut machine.environment {
            *value = replace(value, &machine.ports);
        }
        machine.has_nats = machine.programs();
        machine.copy("nats");
        machine
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(super) fn environment(&self) -> Vec<(String, String)> {
        self.environment.clone()
    }

    /// Replaces the ports of the documents with this machine's.
    pub(super) fn here(&self, text: &str) -> String {
        replace(text, &self.ports)
    }

    /// Replaces this machine's ports with those of the documents.
    pub(super) fn documented(&self, text: &str) -> String {
        let back: Vec<(u16, u16)> = self.ports.iter().map(|(documented, real)| (*real, *documented)).collect();
        replace(text, &back)
    }

    /// Puts the programs of the documents on PATH. Returns whether the `nats` command is among
    /// them.
    fn programs(&self) -> bool {
        let bin = self.directory.join("bin");
        fs::create_dir(&bin).expect("create bin/");
        symlink(env!("CARGO_BIN_EXE_watchword"), bin.join("watchword")).expect("link watchword");
        symlink(nats::program(), bin.join("nats-server")).expect("link nats-server");
        let path = env::var_os("PATH").unwrap_or_default();
        let found = [repository().join(".tools")]
            .into_iter()
            .chain(env::split_paths(&path))
            .map(|directory| directory.join("nats"))
            .find(|file| file.is_file());
        let Some(found) = found else { return false };
        // Without NATS_URL, the command connects to port 4222.
        let default = self.here("nats://127.0.0.1:4222");
        let script = format!("#!/bin/sh\nNATS_URL=${{NATS_URL:-{default}}} exec {} \"$@\"\n", found.display());
        let file = bin.join("nats");
        fs::write(&file, script).expect("write bin/nats");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("make bin/nats a program");
        true
    }

    /// Copies a directory of the repository, with this machine's ports in it.
    fn copy(&self, name: &str) {
        let (from, to) = (repository().join(name), self.directory.join(name));
        fs::create_dir(&to).expect("create a directory");
        for entry in fs::read_dir(from).expect("read a directory") {
            let entry = entry.expect("an entry");
            let path = entry.path();
            let inner = format!("{name}/{}", entry.file_name().to_string_lossy());
            if path.is_dir() {
                self.copy(&inner);
                continue;
            }
            let text = fs::read_to_string(&path).expect("read a file");
            let copy = self.directory.join(&inner);
            fs::write(&copy, self.here(&text)).expect("write a file");
            let permissions = entry.metadata().expect("its permissions").permissions();
            fs::set_permissions(&copy, permissions).expect("set its permissions");
        }
    }
}

/// What a reader has in the environment: nothing of Watchword's but the ports.
fn environment(persona: Persona, directory: &Path) -> Vec<(String, String)> {
    let path = env::var("PATH").unwrap_or_default();
    let all = [
        ("PATH", format!("{}:{path}", directory.join("bin").display())),
        ("HOME", directory.display().to_string()),
        ("PORT", "3001".to_owned()),
        ("WATCHWORD__HTTP__HOST", "127.0.0.1".to_owned()),
        ("WATCHWORD__METRICS__LISTEN", "127.0.0.1:9464".to_owned()),
        ("WATCHWORD__NATS__EMBEDDED_PORT", "4222".to_owned()),
        ("service_url", "http://127.0.0.1:3001".to_owned()),
        ("metrics_url", "http://127.0.0.1:9464".to_owned()),
        ("service_url_2", "http://127.0.0.1:3002".to_owned()),
        ("metrics_url_2", "http://127.0.0.1:9465".to_owned()),
    ];
    let of_operator = [
        ("PGHOST", "127.0.0.1".to_owned()),
        ("PGPORT", "5432".to_owned()),
        ("PGUSER", "postgres".to_owned()),
    ];
    let more = of_operator.into_iter().filter(|_| persona == Persona::Operator);
    all.into_iter().chain(more).map(|(name, value)| (name.to_owned(), value)).collect()
}

/// A server as it comes from a package: its superuser is `postgres`, and nothing is in it.
async fn postgres() -> Postgres {
    let postgres = Postgres::private(Durability::Fast).await;
    let create = "CREATE ROLE postgres SUPERUSER LOGIN";
    postgres.execute("postgres", create).await.expect("create a role");
    let rename = "ALTER ROLE watchword RENAME TO bootstrap";
    let as_postgres = postgres.url("postgres").replace("//watchword@", "//postgres@");
    execute(&as_postgres, rename).await;
    postgres
}

/// Runs a statement in a database.
async fn execute(url: &str, sql: &str) {
    let mut connection = PgConnection::connect(url).await.expect("connect to PostgreSQL");
    connection.execute(AssertSqlSafe(sql.to_owned())).await.expect("run the statement");
    connection.close().await.expect("close the connection");
}

/// Replaces the numbers of ports.
fn replace(text: &str, ports: &[(u16, u16)]) -> String {
    let number = Regex::new(r"\b\d{4,5}\b").expect("a pattern");
    let replaced = number.replace_all(text, |found: &Captures<'_>| {
        let number = found.get(0).map_or("", |number| number.as_str());
        let port = ports.iter().find(|(from, _)| from.to_string() == number);
        port.map_or_else(|| number.to_owned(), |(_, to)| to.to_string())
    });
    replaced.into_owned()
}
