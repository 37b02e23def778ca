//! The servers that are measured, as child processes on free ports.

mod child;
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
pub(crate) use nats::Nats;
pub(crate) use ports::free_port;
pub(crate) use postgres::Postgres;
pub(crate) use redis::Redis;
pub(crate) use service::{Account, CLIENT, CLIENT_SECRET, PASSWORD, Service, binary, register};

use crate::Outcome;
use crate::client::Client;

/// How long a server may take to answer after its start.
const READY: Duration = Duration::from_secs(30);

/// PostgreSQL, NATS, the service over both, and the directory that all of them write to.
pub(crate) struct Rig {
    // Fields are dropped in this order: the service first, the directory last.
    /// The service, when it has been started.
    pub(crate) service: Option<Service>,
    /// NATS, JetStream on disk, a sync for every write.
    pub(crate) nats: Nats,
    /// PostgreSQL, durable.
    pub(crate) postgres: Postgres,
    scratch: Scratch,
}

impl Rig {
    /// PostgreSQL with the service's schema and NATS, without the service.
    pub(crate) async fn without_service() -> Outcome<Self> {
        let scratch = Scratch::new()?;
        let postgres = Postgres::start(scratch.path()).await?;
        let nats = Nats::start(scratch.path()).await?;
        let mut rig = Self {
            service: None,
            nats,
            postgres,
            scratch,
        };
        // The first start migrates and makes the stream and the signing key: what follows starts on an existing database.
        rig.start_service().await?;
        rig.stop_service().await?;
        Ok(rig)
    }

    /// All of it.
    pub(crate) async fn start() -> Outcome<Self> {
        let mut rig = Self::without_service().await?;
        rig.start_service().await?;
        Ok(rig)
    }

    /// Starts the service and waits until it is ready and events flow.
    pub(crate) async fn start_service(&mut self) -> Outcome<Duration> {
        let environment = [("DATABASE_URL", self.postgres.url()), ("NATS_URL", self.nats.url())];
        let (service, took) = Service::start(self.scratch.path(), &environment).await?;
        self.service = Some(service);
        Ok(took)
    }

    /// Stops the service and waits for its end.
    pub(crate) async fn stop_service(&mut self) -> Outcome<()> {
        match self.service.take() {
            Some(service) => service.stop().await,
            None => Ok(()),
        }
    }

    /// Where the service keeps its secret key.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.scratch.path().join("data")
    }

    /// An administrator of the running service: the account's id and an access token.
    pub(crate) async fn admin(&self) -> Outcome<(String, String)> {
        let mut client = Client::connect(self.service()?.port()).await?;
        let account = register(&mut client, "root@example.com").await?;
        self.postgres.sql(&format!(
            "UPDATE users SET roles = 'user admin' WHERE id = '{}'",
            account.id
        ))?;
        let login = serde_json::json!({ "identifier": "root@example.com", "password": PASSWORD });
        let access = client.post("/auth/login", &login).await?.text("/accessToken")?;
        Ok((account.id, access))
    }

    /// The directory that all of them write to.
    pub(crate) fn scratch(&self) -> &Path {
        self.scratch.path()
    }

    /// The running service.
    pub(crate) fn service(&self) -> Outcome<&Service> {
        Ok(self.service.as_ref().ok_or("the service is not running")?)
    }
}

/// A directory that is removed in the end.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    /// A new one, in the system's directory for such.
    pub(crate) fn new() -> Outcome<Self> {
        Self::named("servers")
    }

    /// A new one beside others.
    pub(crate) fn named(name: &str) -> Outcome<Self> {
        let path = std::env::temp_dir().join(format!("watchword-bench-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A program on PATH, or in one of `places`.
fn find(name: &str, places: &[PathBuf]) -> Outcome<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut candidates = places
        .iter()
        .cloned()
        .chain(std::env::split_paths(&path))
        .map(|directory| directory.join(name));
    Ok(candidates
        .find(|candidate| candidate.is_file())
        .ok_or_else(|| format!("{name} is not installed"))?)
}
