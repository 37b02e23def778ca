//! The composition root, which builds and connects all parts.

mod account_types;
mod build;
pub mod commands;
mod contract;
mod error;
mod housekeeping;
mod readiness;
mod run;
mod signals;
mod stop;

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::watch;

pub use self::error::AppError;
pub use self::signals::stop_on_signals;
pub use self::stop::Stop;
use crate::actions::Auth;
use crate::config::Settings;
use crate::domain::clock::{Clock, SystemClock};
use crate::domain::random::{Random, SystemRandom};
use crate::http::detached::Detached;
use crate::jetstream::NatsHandle;
pub use crate::jetstream::NatsStatus;
use crate::mail::MailWorker;
use crate::store::Store;
use crate::telemetry::{Metrics, MetricsServer};

/// Dependencies that tests replace: time and randomness.
#[derive(Clone)]
pub struct Seams {
    /// Source of the time.
    pub clock: Arc<dyn Clock>,
    /// Source of randomness.
    pub random: Arc<dyn Random>,
}

impl Default for Seams {
    fn default() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom::default()),
        }
    }
}

/// The service, built and bound to its ports, before it serves requests.
pub struct App {
    settings: Settings,
    seams: Seams,
    metrics: Arc<Metrics>,
    store: Store,
    auth: Arc<Auth>,
    detached: Detached,
    nats: NatsHandle,
    mail: Option<MailWorker>,
    stop: Stop,
    listener: TcpListener,
    address: SocketAddr,
    metrics_server: Option<MetricsServer>,
}

impl App {
    /// The port of the public listener, also when the configured port is 0.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.address.port()
    }

    /// Address of the metrics listener. `None`: metrics are off.
    #[must_use]
    pub fn metrics_addr(&self) -> Option<SocketAddr> {
        self.metrics_server.as_ref().map(MetricsServer::address)
    }

    /// Watch the state of the connection to NATS and of the stream.
    #[must_use]
    pub fn nats_status(&self) -> watch::Receiver<NatsStatus> {
        self.nats.status()
    }

    /// The database, for tests that read it beside the service.
    #[must_use]
    pub fn store(&self) -> Store {
        self.store.clone()
    }

    /// A description of the database for display.
    #[must_use]
    pub fn database(&self) -> String {
        self.store.describe()
    }
}
