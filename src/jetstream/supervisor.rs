//! Keeps the connection and the stream in order, for as long as the service runs: connects, looks at the stream after
//! every connect and every few seconds, makes it when it is missing, and says what it sees in [`NatsStatus`].

use std::{sync::Arc, time::Duration};

use async_nats::{Client, ConnectOptions, ServerAddr};
use tokio::{sync::watch, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use super::{
    connect,
    connection::{Link, Shared},
    definition,
    embedded::{Embedded, Running},
    error::{NatsError, StreamFault},
    provision::{self, Unfit, Verified},
    publisher::{JetStreamPublisher, Source},
    status::{NatsStatus, StreamFacts, StreamState},
    version::ServerVersion,
};
use crate::{
    config::Settings,
    telemetry::{self, Metrics},
};

/// How often the stream is looked at while all is well.
const CHECK: Duration = Duration::from_secs(5);
/// How soon again while it is not.
const RETRY: Duration = Duration::from_secs(1);
/// How long the client may take to send what it has when the service stops.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// The NATS side of the service.
#[derive(Debug)]
pub struct Nats;

impl Nats {
    /// Starts connecting in the background: to `nats.url`, or to an embedded server that is started first.
    /// Never waits for a server.
    ///
    /// # Errors
    ///
    /// [`NatsError`] when the settings themselves cannot work (an address, a file of credentials).
    pub async fn start(
        settings: &Settings,
        metrics: Arc<Metrics>,
        shutdown: CancellationToken,
    ) -> Result<NatsHandle, NatsError> {
        let shared = Arc::new(Shared::new(definition::desired(&settings.stream)?));
        let target = match &settings.nats.url {
            Some(url) => Target::Given(connect::addresses(url)?),
            None => Target::Embedded(start_embedded(settings, shutdown.clone())?),
        };
        let options = connect::options(&settings.nats).await?;
        let public_url = || settings.http.public_url.clone();
        let source = Source {
            service: settings.events.service.clone(),
            environment: settings.events.environment.clone(),
            schema_base: settings.events.schema_base_url.clone().unwrap_or_else(public_url),
        };
        let supervisor = Supervisor {
            shared: Arc::clone(&shared),
            metrics,
            shutdown,
            samples: 0,
            reported: None,
        };
        let task = telemetry::spawn("nats", supervisor.run(target, options));
        Ok(NatsHandle { shared, source, task })
    }
}

fn start_embedded(settings: &Settings, shutdown: CancellationToken) -> Result<EmbeddedTask, NatsError> {
    let refused = |source| NatsError::File {
        key: "data_dir",
        path: settings.data_dir.clone(),
        source,
    };
    let (announce, running) = watch::channel(None);
    let embedded = Embedded::new(&settings.nats, &settings.data_dir, announce, shutdown).map_err(refused)?;
    Ok(EmbeddedTask {
        task: telemetry::spawn("nats-server", embedded.run()),
        running,
    })
}

/// What [`Nats::start`] started.
#[derive(Debug)]
pub struct NatsHandle {
    shared: Arc<Shared>,
    source: Source,
    task: JoinHandle<()>,
}

impl NatsHandle {
    /// The publisher for the relay.
    #[must_use]
    pub fn publisher(&self) -> JetStreamPublisher {
        JetStreamPublisher::new(Arc::clone(&self.shared), self.source.clone())
    }

    /// Follows the connection and the stream.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<NatsStatus> {
        self.shared.status.subscribe()
    }

    /// Waits until everything has ended after the shutdown, an embedded server included.
    pub async fn stopped(self) {
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the NATS supervisor ended badly");
        }
    }
}

enum Target {
    Given(Vec<ServerAddr>),
    Embedded(EmbeddedTask),
}

struct EmbeddedTask {
    task: JoinHandle<()>,
    running: watch::Receiver<Option<Running>>,
}

struct Supervisor {
    shared: Arc<Shared>,
    metrics: Arc<Metrics>,
    shutdown: CancellationToken,
    samples: u64,
    /// The trouble or drift that is in the log already.
    reported: Option<String>,
}

impl Supervisor {
    async fn run(mut self, target: Target, options: ConnectOptions) {
        let shutdown = self.shutdown.clone();
        let mut embedded = None;
        let (addresses, server_name) = match target {
            Target::Given(addresses) => (Ok(addresses), None),
            Target::Embedded(mut started) => {
                let running = tokio::select! {
                    running = started.running.wait_for(Option::is_some) => running.ok().and_then(|r| r.clone()),
                    () = shutdown.cancelled() => None,
                };
                embedded = Some(started.task);
                match running {
                    Some(running) => (parse_local(running.port), Some(running.server_name)),
                    None => (Ok(Vec::new()), None),
                }
            }
        };
        match addresses {
            Ok(addresses) if addresses.is_empty() => {}
            Ok(addresses) => match connect::connect(options, addresses, Arc::clone(&self.shared.status)).await {
                Ok(client) => {
                    self.shared.keep(Link::new(client, server_name));
                    self.watch().await;
                }
                Err(error) => tracing::error!(error = &error as &dyn std::error::Error, "NATS cannot be used"),
            },
            Err(error) => tracing::error!(%error, "NATS cannot be used"),
        }
        shutdown.cancelled().await;
        if let Some(link) = self.shared.link() {
            flush(&link.client).await;
        }
        if let Some(task) = embedded {
            // It ends its server on the same shutdown.
            let _ = task.await;
        }
    }

    /// Looks at the stream until the shutdown.
    async fn watch(&mut self) {
        let shared = Arc::clone(&self.shared);
        let mut status = shared.status.subscribe();
        let shutdown = self.shutdown.clone();
        loop {
            let of = |status: &NatsStatus| (status.connected, status.connections);
            let seen = of(&status.borrow_and_update());
            let pause = self.look().await;
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
                () = shared.recheck.notified() => {}
                _ = status.wait_for(|status| of(status) != seen) => {}
            }
        }
    }

    /// One look at the server and the stream; answers how long to wait until the next.
    async fn look(&mut self) -> Duration {
        let Ok(link) = self.shared.connected().cloned() else {
            self.count();
            return CHECK;
        };
        let before = self.shared.status.borrow().connections;
        let info = link.client.server_info();
        let (version, verified) = match self.check_server(&link, &info) {
            Ok(version) => (
                Some(version),
                provision::ensure(&link.context, &self.shared.desired).await,
            ),
            Err(fault) => (None, Err(Unfit::Fault(fault))),
        };
        self.report(&verified);
        let (state, pause) = self.state(version, verified);
        self.shared.status.send_modify(|status| {
            status.server_version = Some(info.version);
            // Of a connection that is gone by now nothing is known any more.
            if status.connected && status.connections == before {
                status.stream = state;
            }
        });
        self.count();
        pause
    }

    fn check_server(&self, link: &Link, info: &async_nats::ServerInfo) -> Result<ServerVersion, StreamFault> {
        match &link.server_name {
            Some(expected) if *expected != info.server_name => Err(StreamFault::OtherServer {
                expected: expected.clone(),
                found: info.server_name.clone(),
            }),
            _ => provision::check_version(&info.version),
        }
    }

    fn state(&mut self, version: Option<ServerVersion>, looked: Result<Verified, Unfit>) -> (StreamState, Duration) {
        match (looked, version) {
            (Ok(verified), Some(version)) => {
                self.samples += 1;
                (
                    StreamState::Ok(StreamFacts::new(&verified.info, version, self.samples, verified.drift)),
                    CHECK,
                )
            }
            (Err(Unfit::Fault(fault)), _) => (StreamState::Fault(fault), RETRY),
            // Nothing new is known: what was seen last stands, and the relay finds out by itself when it is wrong.
            (Err(Unfit::Later(_)) | Ok(_), _) => (self.shared.status.borrow().stream.clone(), RETRY),
        }
    }

    /// Says what is wrong or has changed, once and not at every look.
    fn report(&mut self, looked: &Result<Verified, Unfit>) {
        let stream = &self.shared.desired.name;
        let (news, level_error) = match looked {
            Ok(verified) if verified.created => {
                tracing::info!(stream, "stream created");
                (String::new(), false)
            }
            Ok(verified) => (
                verified
                    .drift
                    .iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>()
                    .join("; "),
                false,
            ),
            Err(unfit) => (unfit.to_string(), true),
        };
        if self.reported.as_ref() == Some(&news) {
            return;
        }
        match (news.is_empty(), level_error) {
            (true, _) => tracing::info!(stream, "the stream is as it should be"),
            (false, false) => tracing::warn!(
                stream,
                drift = news,
                "the stream differs from its definition; it is left as it is (`watchword stream diff`, `watchword stream apply`)"
            ),
            (false, true) => tracing::error!(
                stream,
                error = news,
                "the stream cannot be used; events wait in the ledger"
            ),
        }
        self.reported = Some(news);
    }

    fn count(&self) {
        super::observe::status(&self.metrics, &self.shared.status.borrow());
    }
}

fn parse_local(port: u16) -> Result<Vec<ServerAddr>, std::io::Error> {
    Ok(vec![format!("nats://127.0.0.1:{port}").parse::<ServerAddr>()?])
}

async fn flush(client: &Client) {
    if client.connection_state() == async_nats::connection::State::Connected {
        let _ = tokio::time::timeout(FLUSH_TIMEOUT, client.flush()).await;
    }
}
