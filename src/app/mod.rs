//! The composition root, which builds and connects all parts.

mod account_types;
mod build;
pub mod commands;
mod contract;
mod error;
mod jobs;
mod open_files;
mod readiness;
mod run;
mod signals;
mod stop;

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::watch;

pub use self::error::AppError;
pub use self::open_files::allow_open_files;
pub use self::signals::stop_on_signals;
pub use self::stop::Stop;
use crate::actions::Services;
use crate::config::Settings;
use crate::domain::clock::{Clock, SystemClock};
use crate::domain::random::{Random, SystemRandom};
use crate::http::detached::Detached;
use crate::http::server::Tls;
use crate::jetstream::NatsHandle;
pub use crate::jetstream::NatsStatus;
use crate::mail::MailWorker;
use crate::relay::RelayStatus;
use crate::security::LedgerMarks;
use crate::store::Store;
use crate::telemetry::{Metrics, MetricsServer};

/// Dependencies that tests replace: time and randomness.
#[derive(Clone)]
pub struct Environment {
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
}

impl Default for Environment {
    fn default() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom::default()),
        }
    }
}

/// The service, built and bound to its address, but not serving yet.
pub struct App {
    settings: Settings,
    environment: Environment,
    metrics: Arc<Metrics>,
    store: Store,
    services: Services,
    detached: Detached,
    nats: NatsHandle,
    marks: LedgerMarks,
    relay_status: watch::Sender<RelayStatus>,
    mail: Option<MailWorker>,
    stop: Stop,
    listener: TcpListener,
    tls: Option<Tls>,
    address: SocketAddr,
    metrics_server: Option<MetricsServer>,
}

impl App {
    /// The port of the HTTP listener, which the system chooses when the configuration says 0.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.address.port()
    }

    /// The address of the metrics, when they are served.
    #[must_use]
    pub fn metrics_addr(&self) -> Option<SocketAddr> {
        self.metrics_server.as_ref().map(MetricsServer::address)
    }

    /// The state of the connection to NATS and of the stream.
    #[must_use]
    pub fn nats_status(&self) -> watch::Receiver<NatsStatus> {
        self.nats.status()
    }

    /// The database, for tests that read it beside the service.
    #[must_use]
    pub fn store(&self) -> Store {
        self.store.clone()
    }

    /// A description of where the data is, for operators.
    #[must_use]
    pub fn database(&self) -> String {
        self.store.describe()
    }
}
