//! `watchword user …` with a database, a data directory and a NATS server of its own.

use std::path::PathBuf;

use crate::support::binary::{BinaryOptions, Ended, run};
use crate::support::database::{Backend, Database};
use crate::support::nats::NatsServer;
use crate::support::run_dir::scratch;

pub(super) const PASSWORD: &str = "one very long sentence 12";
pub(super) const NEW_PASSWORD: &str = "another rather long line 7";

pub(super) struct CommandLine {
    data_dir: PathBuf,
    pub(super) database: Database,
    pub(super) nats: NatsServer,
}

impl CommandLine {
    /// An empty database, and nothing that runs but NATS.
    pub(super) async fn fresh(backend: Backend) -> Self {
        let data_dir = scratch("app");
        Self {
            database: Database::fresh(backend, &data_dir).await,
            data_dir,
            nats: NatsServer::start().await,
        }
    }

    pub(super) fn options(&self, args: &[&str]) -> BinaryOptions {
        let mut options = BinaryOptions::command(args, &[("NATS_URL", &self.nats.url())]);
        options.data_dir = Some(self.data_dir.clone());
        match self.database.url() {
            Some(url) => options.with("DATABASE_URL", url),
            None => options,
        }
    }

    /// Run `watchword user <args>` with `input`, mostly a password, on its standard input.
    pub(super) async fn user(&self, args: &[&str], input: &str) -> Ended {
        let ended = run(self.options(&[&["user"], args].concat()), input).await;
        for password in [PASSWORD, NEW_PASSWORD] {
            assert!(!ended.stdout.contains(password) && !ended.stderr.contains(password));
        }
        ended
    }
}
