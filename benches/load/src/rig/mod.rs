//! The measured servers, as child processes on free ports.

mod child;
mod command;
mod nats;
#[expect(
    dead_code,
    clippy::expect_used,
    clippy::panic,
    reason = "shared with the tests of the service, which need more of it"
)]
#[path = "../../../../tests/it/support/ports.rs"]
mod ports;
mod postgres;
mod redis;
mod service;

use std::path::{Path, PathBuf};
use std::time::Duration;

pub(crate) use child::Child;
pub(crate) use command::{Run, run};
pub(crate) use nats::Nats;
pub(crate) use ports::free_port;
pub(crate) use postgres::Postgres;
pub(crate) use redis::Redis;
pub(crate) use service::{Account, CLIENT, CLIENT_SECRET, PASSWORD, Service, binary, register};

use crate::Outcome;
use crate::client::Client;

/// The longest that a server may take to start.
const READY: Duration = Duration::from_secs(30);

/// PostgreSQL, NATS, the service, and the directory to which they write.
pub(crate) struct Rig {
    // Fields are dropped in this order: the service first, the directory last.
    /// The service, once it is started.
    pub(crate) service: Option<Service>,
    /// NATS with JetStream on disk and a sync for every write.
    pub(crate) nats: Nats,
    /// PostgreSQL with its durable settings.
    pub(crate) postgres: Postgres,
    scratch: Scratch,
}

impl Rig {
    /// Starts PostgreSQL with the service's schema, and NATS.
    pub(crate) async fn without_service() -> Outcome<Self> {
        let scratch = Scratch::new()?;
        let postgres = Postgres::start(scratch.path()).await?;
        let nats = Nats::start(scratch.path()).await?;
        let mut rig = Self { service: None, nats, postgres, scratch };
        // The first start migrates, and creates the stream and the signing key. Later starts find
        // them.
        rig.start_service().await?;
        rig.stop_service().await?;
        Ok(rig)
    }

    /// Starts the servers and the service.
    pub(crate) async fn start() -> Outcome<Self> {
        let mut rig = Self::without_service().await?;
        rig.start_service().await?;
        Ok(rig)
    }

    /// Starts the service, and waits until it is ready and publishes events.
    pub(crate) async fn start_service(&mut self) -> Outcome<Duration> {
        let (service, took) = self.another_service().await?;
        self.service = Some(service);
        Ok(took)
    }

    /// Starts an instance on the same servers, which stands by when another one publishes.
    pub(crate) async fn another_service(&self) -> Outcome<(Service, Duration)> {
        let environment = [("DATABASE_URL", self.postgres.url()), ("NATS_URL", self.nats.url())];
        Service::start(self.scratch.path(), &environment).await
    }

    /// Stops the service and waits for its end.
    pub(crate) async fn stop_service(&mut self) -> Outcome<()> {
        match self.service.take() {
            Some(service) => service.stop().await,
            None => Ok(()),
        }
    }

    /// Returns the path of the service's secret key.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.scratch.path().join("data")
    }

    /// Creates an administrator. Returns the account's id and an access token.
    pub(crate) async fn admin(&self) -> Outcome<(String, String)> {
        let mut client = Client::connect(self.service()?.port()).await?;
        let account = register(&mut client, "root@example.com").await?;
        self.postgres
            .sql(&format!("UPDATE users SET roles = 'user admin' WHERE id = '{}'", account.id))?;
        Ok((account.id, self.admin_token().await?))
    }

    /// Returns an access token of the administrator.
    pub(crate) async fn admin_token(&self) -> Outcome<String> {
        let mut client = Client::connect(self.service()?.port()).await?;
        let login = serde_json::json!({ "identifier": "root@example.com", "password": PASSWORD });
        client.post("/auth/login", &login).await?.text("/accessToken")
    }

    pub(crate) fn scratch(&self) -> &Path {
        self.scratch.path()
    }

    pub(crate) fn service(&self) -> Outcome<&Service> {
        Ok(self.service.as_ref().ok_or("the service is not running")?)
    }
}

/// A directory that is removed when it is dropped.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    /// Creates a directory in the system's temporary directory.
    pub(crate) fn new() -> Outcome<Self> {
        Self::named("servers")
    }

    /// Creates a directory in `parent`.
    pub(crate) fn named(name: &str) -> Outcome<Self> {
        let path = std::env::temp_dir().join(format!("watchword-bench-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Finds a program on PATH or in one of `directories`.
fn find(name: &str, directories: &[PathBuf]) -> Outcome<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut candidates = directories
        .iter()
        .cloned()
        .chain(std::env::split_paths(&path))
        .map(|directory| directory.join(name));
    Ok(candidates
        .find(|candidate| candidate.is_file())
        .ok_or_else(|| format!("{name} is not installed"))?)
}
