//! Keeps the connection and the stream in order, for as long as the service runs: connects, looks at the stream after
//! every connect and every few seconds, makes it when it is missing, and says what it sees in [`NatsStatus`].

use std::{sync::Arc, time::Duration};

use async_nats::{Client, ConnectOptions, ServerAddr, connection::State};
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
    telemetry::{self, Metrics, causes},
};

/// How often the stream is looked at while all is well.
const CHECK: Duration = Duration::from_secs(5);
/// How soon again while it is not.
const RETRY: Duration = Duration::from_secs(1);
/// How soon again while the server's greeting is not known yet.
const GREETING: Duration = Duration::from_millis(10);
/// How long the client may take to send what it has when the service stops.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

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
        let shared = Arc::new(Shared::new(
            definition::desired(&settings.stream)?,
            connect::identity(&settings.nats),
        ));
        let target = match &settings.nats.url {
            Some(url) => Target::Given(connect::addresses(url)?),
            None => Target::Embedded(start_embedded(settings)?),
        };
        let options = connect::options(&settings.nats).await?;
        let source = Source::of(settings);
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

fn start_embedded(settings: &Settings) -> Result<EmbeddedTask, NatsError> {
    let stop = CancellationToken::new();
    let refused = |source| NatsError::File {
        key: "data_dir",
        path: settings.data_dir.clone(),
        source,
    };
    let (announce, running) = watch::channel(None);
    let embedded = Embedded::new(&settings.nats, &settings.data_dir, announce, stop.clone()).map_err(refused)?;
    Ok(EmbeddedTask {
        task: telemetry::spawn("nats-server", embedded.run()),
        running,
        stop,
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
    /// Ends the server; after the client has gone.
    stop: CancellationToken,
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
        match target {
            Target::Given(addresses) => self.serve(options, addresses, None).await,
            Target::Embedded(mut embedded) => {
                let shutdown = self.shutdown.clone();
                let running = tokio::select! {
                    running = embedded.running.wait_for(Option::is_some) => running.ok().and_then(|r| r.clone()),
                    () = shutdown.cancelled() => None,
                };
                if let Some(Running { port, server_name }) = running {
                    match parse_local(port) {
                        Ok(address) => self.serve(options, vec![address], Some(server_name)).await,
                        Err(error) => tracing::error!(%error, "the embedded nats-server cannot be reached"),
                    }
                }
                shutdown.cancelled().await;
                embedded.stop.cancel();
                // A panic in there is in the log already.
                let _ = embedded.task.await;
            }
        }
    }

    /// Connects and keeps the stream in order until the shutdown.
    async fn serve(&mut self, options: ConnectOptions, addresses: Vec<ServerAddr>, server_name: Option<String>) {
        let client = match connect::connect(
            options,
            addresses,
            Arc::clone(&self.shared.status),
            Arc::clone(&self.shared.denials),
        )
        .await
        {
            Ok(client) => client,
            Err(error) => {
                tracing::error!(error = %causes(&error), "NATS cannot be used");
                return;
            }
        };
        self.shared.keep(Link::new(client.clone(), server_name));
        self.watch().await;
        close(&client, &self.shared).await;
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
            // The client's own state follows the announcement a moment later.
            return if self.shared.status.borrow().connected {
                GREETING
            } else {
                CHECK
            };
        };
        // The greeting is noted a moment after the connection is announced.
        let Some(info) = link.client.try_server_info() else {
            return GREETING;
        };
        let before = self.shared.status.borrow().connections;
        let (version, verified) = match self.check_server(&link, &info) {
            Ok(version) => (
                Some(version),
                provision::ensure_as(&self.shared.denials, &link.context, &self.shared.desired).await,
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
            (Err(Unfit::Missing(_)), _) => (StreamState::Missing, RETRY),
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

fn parse_local(port: u16) -> Result<ServerAddr, std::io::Error> {
    format!("nats://127.0.0.1:{port}").parse()
}

/// Sends what is left and closes the connection.
async fn close(client: &Client, shared: &Shared) {
    if client.connection_state() == State::Connected {
        let closed = async {
            if client.drain().await.is_ok() {
                shared.lost().await;
            }
        };
        // A server that does not read what is left gets no more time.
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, closed).await;
    }
}
