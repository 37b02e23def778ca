//! The servers that the examples use: child processes on free ports, each with its own directory.
//!
//! `scripts/install-sample-servers.sh`, which `make test` runs, installs them. A missing one fails
//! the test.

#[expect(dead_code, reason = "the tests of the service use the rest of it")]
#[path = "../../../../tests/it/support/process.rs"]
mod process;
#[expect(dead_code, reason = "the tests of the service use the rest of it")]
#[path = "../../../../tests/it/support/run_dir.rs"]
mod run_dir;
#[expect(dead_code, reason = "shared with the tests of the service, which need more of it")]
#[path = "../../../../tests/it/support/server.rs"]
mod server;
#[path = "../../../../tests/it/support/wait.rs"]
pub(crate) mod wait;

mod auth_service;
pub(crate) mod clickhouse;
mod dynalite;
mod smtp;

use std::path::{Path, PathBuf};

use poem::listener::{Acceptor as _, Listener as _, TcpListener};
use poem::{Endpoint, Server};
use tokio::task::JoinHandle;

pub(crate) use auth_service::{Session, Watchword};
pub(crate) use clickhouse::ClickHouse;
pub(crate) use dynalite::Dynalite;
pub(crate) use smtp::SmtpServer;

use crate::support::ports;
pub(crate) use crate::support::ports::free_port;

/// What the script has put into `.tools/`.
fn tool(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name(".tools").join(name);
    assert!(
        path.exists(),
        "{} is missing: scripts/install-sample-servers.sh installs it",
        path.display()
    );
    path
}

/// Serves routes from this process, on a port that the system chooses. Their URL, and the task that
/// serves.
pub(crate) async fn serve(routes: impl Endpoint + 'static) -> (String, JoinHandle<std::io::Result<()>>) {
    let acceptor = TcpListener::bind("127.0.0.1:0").into_acceptor().await.unwrap();
    let address = acceptor.local_addr().first().unwrap().as_socket_addr().copied().unwrap();
    let server = tokio::spawn(Server::new_with_acceptor(acceptor).run(routes));
    (format!("http://{address}"), server)
}
