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
#[path = "../../../../tests/it/support/wait.rs"]
mod wait;

mod auth_service;
pub(crate) mod clickhouse;
mod dynalite;
mod smtp;

use std::path::{Path, PathBuf};

pub(crate) use auth_service::{Session, Watchword};
pub(crate) use clickhouse::ClickHouse;
pub(crate) use dynalite::Dynalite;
pub(crate) use run_dir::free_port;
pub(crate) use smtp::SmtpServer;

/// Returns the path of an installed tool in `.tools/`.
fn tool(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .with_file_name(".tools")
        .join(name);
    assert!(
        path.exists(),
        "{} is missing: scripts/install-sample-servers.sh installs it",
        path.display()
    );
    path
}
