//! A real PgBouncer as a child process.

use std::fs;
use std::path::PathBuf;

use sqlx::{Connection, PgConnection};

use super::postgres::{Postgres, ROLE, server_user};
use super::process::{LastSignal, ProcessSpec};
use super::run_dir::{find_program, scratch};
use super::server::{Server, deref_to_server};

/// A pooler of one cluster.
#[derive(Debug)]
pub(crate) struct PgBouncer {
    server: Server,
}

deref_to_server!(PgBouncer);

impl PgBouncer {
    /// Starts a pooler in this mode: `session`, `transaction` or `statement`.
    pub(crate) async fn start(postgres: &Postgres, mode: &str) -> Self {
        let program = find_program("pgbouncer", "WATCHWORD_PGBOUNCER", &[PathBuf::from("/usr/sbin")]);
        let (dir, database) = (scratch("pgbouncer"), postgres.port());
        let spec = |port| {
            let file = dir.join("pgbouncer.ini");
            fs::write(&file, configuration(port, database, mode)).expect("write the configuration");
            ProcessSpec {
                name: "pgbouncer",
                program: program.clone(),
                args: vec![file.display().to_string()],
                env: None,
                log: dir.join("pgbouncer.log"),
                // It refuses to run as root.
                user: server_user(),
                last_signal: LastSignal::Kill,
            }
        };
        let server = Server::start(spec, |port| async move {
            let url = format!("postgres://{ROLE}@127.0.0.1:{port}/postgres?sslmode=disable");
            // It refuses sqlx's default parameters at the start.
            let options = url.parse::<sqlx::postgres::PgConnectOptions>().map_err(|error| error.to_string())?;
            let options = options.extra_float_digits(None);
            let connection = PgConnection::connect_with(&options).await.map_err(|error| error.to_string())?;
            connection.close().await.map_err(|error| error.to_string())
        });
        Self { server: server.await }
    }
}

/// The defaults, but for the mode and enough sessions for the tests.
fn configuration(port: u16, database: u16, mode: &str) -> String {
    format!(
        "[databases]\n* = host=127.0.0.1 port={database} user={ROLE}\n\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
         listen_port = {port}\nunix_socket_dir =\nauth_type = any\npool_mode = {mode}\ndefault_pool_size = 60\n"
    )
}
