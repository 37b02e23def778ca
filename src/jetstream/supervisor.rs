//! Supervises the connection and the stream for as long as the service runs: connects, checks the
//! stream after every connect and every few seconds, creates it when it is missing, and reports in
//! [`NatsStatus`].

use std::{sync::Arc, time::Duration};

use async_nats::{Client, ConnectOptions, ServerAddr, connection::State};
use tokio::{sync::watch, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use super::{
    connection::{
        Connection, ConnectionState, NatsStatus, ServerVersion, StreamFacts, StreamState, connect, status_metrics,
    },
    embedded::{Embedded, Running},
    error::{NatsError, ProbeError, StreamFault},
    publish::{JetStreamPublisher, Source},
    stream::{
        definition, probe,
        provision::{self, ProvisionedStream, StreamUnusable},
    },
};
use crate::{
    config::Settings,
    domain::random::Random,
    security::LedgerMarks,
    telemetry::{self, Metrics, error_chain},
};

/// Between two checks of a usable stream.
const CHECK_INTERVAL: Duration = Duration::from_secs(5);
/// Between two checks of a stream that is not usable.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);
/// Between two checks while the server's greeting is not known yet.
const GREETING_INTERVAL: Duration = Duration::from_millis(10);
/// The longest wait for the client to send what it has when the service stops.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// The NATS side of the service.
#[derive(Debug)]
pub struct Nats;

impl Nats {
    /// Start connecting in the background: to `nats.url`, or to an embedded server that is started
    /// first. Never wait for a server.
    ///
    /// # Errors
    ///
    /// [`NatsError`] when the settings cannot be used (an address, a file of credentials).
    pub async fn start(
        settings: &Settings,
        random: &dyn Random,
        metrics: Arc<Metrics>,
        shutdown: CancellationToken,
    ) -> Result<NatsHandle, NatsError> {
        let connection = Arc::new(ConnectionState::new(definition::desired(&settings.stream)?, &settings.nats));
        let target = match &settings.nats.url {
            Some(url) => Target::Given(connect::addresses(url)?),
            None => Target::Embedded(start_embedded(settings, random)?),
        };
        let options = connect::options(&settings.nats)?;
        let source = Source::of(settings);
        let supervisor = Supervisor {
            state: Arc::clone(&connection),
            metrics,
            shutdown,
            readable_on: None,
            reported: None,
        };
        let task = telemetry::spawn("nats", supervisor.run(target, options));
        Ok(NatsHandle { connection, source, task })
    }
}

pub(super) fn start_embedded(settings: &Settings, random: &dyn Random) -> Result<EmbeddedTask, NatsError> {
    let stop = CancellationToken::new();
    let refused = |source| NatsError::File { key: "data_dir", path: settings.data_dir.clone(), source };
    let (announce, running) = watch::channel(None);
    let embedded = Embedded::new(settings, random, announce, stop.clone()).map_err(refused)?;
    Ok(EmbeddedTask {
        task: telemetry::spawn("nats-server", embedded.run()),
        running,
        stop,
    })
}

/// The running NATS side of the service.
#[derive(Debug)]
pub struct NatsHandle {
    connection: Arc<ConnectionState>,
    source: Source,
    task: JoinHandle<()>,
}

impl NatsHandle {
    /// The publisher of the relay.
    #[must_use]
    pub fn publisher(&self, marks: LedgerMarks) -> JetStreamPublisher {
        JetStreamPublisher::new(Arc::clone(&self.connection), self.source.clone(), marks)
    }

    /// Follow the connection and the stream.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<NatsStatus> {
        self.connection.status.subscribe()
    }

    /// Wait until everything has ended after the shutdown, including an embedded server.
    pub async fn stopped(self) {
        if let Err(error) = self.task.await {
            tracing::error!(%error, "NATS supervisor failed");
        }
    }
}

enum Target {
    Given(Vec<ServerAddr>),
    Embedded(EmbeddedTask),
}

pub(super) struct EmbeddedTask {
    pub(super) task: JoinHandle<()>,
    pub(super) running: watch::Receiver<Option<Running>>,
    /// Ends the server, after the client has disconnected.
    pub(super) stop: CancellationToken,
}

struct Supervisor {
    state: Arc<ConnectionState>,
    metrics: Arc<Metrics>,
    shutdown: CancellationToken,
    /// The connection on which messages of the stream could be read.
    readable_on: Option<u64>,
    /// The fault or drift that is in the log already.
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
                if let Some(running) = running {
                    let options = running.login(options);
                    match running.address() {
                        Ok(address) => self.serve(options, vec![address], Some(running.server_name)).await,
                        Err(error) => tracing::error!(%error, "embedded nats-server cannot be reached"),
                    }
                }
                shutdown.cancelled().await;
                embedded.stop.cancel();
                // A panic of the task is in the log already.
                let _ = embedded.task.await;
            }
        }
    }

    /// Connect and supervise the stream until the shutdown.
    async fn serve(&mut self, options: ConnectOptions, addresses: Vec<ServerAddr>, server_name: Option<String>) {
        let shown = connect::shown(&addresses);
        self.state.status.send_modify(|status| status.server_url = Some(shown));
        let client = match self.state.connect(options.retry_on_initial_connect(), addresses).await {
            Ok(client) => client,
            Err(error) => {
                tracing::error!(error = %error_chain(&error), "NATS cannot be used");
                return;
            }
        };
        self.state.keep(client.clone(), server_name);
        self.watch().await;
        close(&client, &self.state).await;
    }

    /// Check the stream until the shutdown.
    async fn watch(&mut self) {
        let state = Arc::clone(&self.state);
        let mut status = state.status.subscribe();
        let shutdown = self.shutdown.clone();
        loop {
            let of = |status: &NatsStatus| (status.connected, status.connections);
            let seen = of(&status.borrow_and_update());
            let interval = self.check().await;
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(interval) => {}
                () = state.recheck.notified() => {}
                _ = status.wait_for(|status| of(status) != seen) => {}
            }
        }
    }

    /// Check the server and the stream. Return the time until the next check.
    async fn check(&mut self) -> Duration {
        let Ok(connection) = self.state.connected().cloned() else {
            self.update_metrics();
            // The client's own state follows the announcement a moment later.
            return if self.state.status.borrow().connected {
                GREETING_INTERVAL
            } else {
                CHECK_INTERVAL
            };
        };
        // The greeting is known a moment after the connection is announced.
        let Some(info) = connection.client.try_server_info() else {
            return GREETING_INTERVAL;
        };
        let before = self.state.status.borrow().connections;
        let (version, ensured) = match self.check_server(&connection, &info) {
            Ok(version) => (Some(version), self.ensure(&connection, before, version).await),
            Err(fault) => (None, Err(StreamUnusable::Fault(fault))),
        };
        self.report(&ensured);
        let (state, interval) = self.stream_state(version, ensured);
        self.state.status.send_modify(|status| {
            status.server_version = Some(info.version);
            // A check of a connection that is lost by now means nothing.
            if status.connected && status.connections == before {
                status.stream = state;
            }
        });
        self.update_metrics();
        interval
    }

    /// Find or create the stream, and try once for each connection whether its messages can be
    /// read: nothing is published without comparing.
    async fn ensure(
        &mut self,
        connection: &Connection,
        number: u64,
        version: ServerVersion,
    ) -> Result<ProvisionedStream, StreamUnusable> {
        let state = &self.state;
        let desired = definition::with_first_sequence(&state.desired, state.creation(), version);
        let stream =
            provision::ensure_permitted(&state.permissions, &connection.context, &state.desired, desired.as_ref())
                .await?;
        if self.readable_on != Some(number) {
            let end = stream.info.state.last_sequence.saturating_add(1).into();
            match probe::next_message(state, &state.desired.name, end).await {
                Err(ProbeError::Denied(subject)) => return Err(StreamFault::Denied(subject).into()),
                Err(error) => return Err(error.into()),
                Ok(_) => self.readable_on = Some(number),
            }
            if !version.keeps_first_sequence() && stream.info.config.first_sequence.is_some_and(|first| first > 1) {
                tracing::error!(
                    stream = state.desired.name,
                    server = %version,
                    "nats-server empties this stream when it restarts, since the stream does not begin at 1: update \
                     it to 2.10.28, 2.11.2 or newer before that"
                );
            }
        }
        Ok(stream)
    }

    fn check_server(
        &self,
        connection: &Connection,
        info: &async_nats::ServerInfo,
    ) -> Result<ServerVersion, StreamFault> {
        match &connection.server_name {
            Some(expected) if *expected != info.server_name => {
                Err(StreamFault::OtherServer { expected: expected.clone(), found: info.server_name.clone() })
            }
            _ => provision::check_version(&info.version),
        }
    }

    fn stream_state(
        &mut self,
        version: Option<ServerVersion>,
        ensured: Result<ProvisionedStream, StreamUnusable>,
    ) -> (StreamState, Duration) {
        match (ensured, version) {
            (Ok(stream), Some(version)) => {
                let facts = StreamFacts::new(&stream.info, version, stream.drift);
                (StreamState::Ok(facts), CHECK_INTERVAL)
            }
            (Err(StreamUnusable::Fault(fault)), _) => (StreamState::Fault(fault), RETRY_INTERVAL),
            (Err(StreamUnusable::Missing(_)), _) => (StreamState::Missing, RETRY_INTERVAL),
            // Nothing new is known: the last state stays, and the relay notices by itself when it
            // is wrong.
            (Err(StreamUnusable::Later(_)) | Ok(_), _) => (self.state.status.borrow().stream.clone(), RETRY_INTERVAL),
        }
    }

    /// Log what is wrong or has changed, once and not at every check.
    fn report(&mut self, ensured: &Result<ProvisionedStream, StreamUnusable>) {
        let stream = &self.state.desired.name;
        let (news, is_error) = match ensured {
            // The relay that leads says how to create it.
            Err(StreamUnusable::Missing(ProbeError::NoStream)) => return,
            Ok(provisioned) if provisioned.created => {
                tracing::info!(stream, "stream created");
                (String::new(), false)
            }
            Ok(provisioned) => {
                let drift: Vec<String> = provisioned.drift.iter().map(ToString::to_string).collect();
                (drift.join("; "), false)
            }
            Err(error) => (error.to_string(), true),
        };
        if self.reported.as_ref() == Some(&news) {
            return;
        }
        match (news.is_empty(), is_error) {
            (true, _) => tracing::info!(stream, "stream matches its definition"),
            (false, false) => tracing::warn!(
                stream,
                drift = news,
                "stream differs from its definition and is left unchanged (`watchword stream diff`, `watchword stream apply`)"
            ),
            (false, true) => tracing::error!(stream, error = news, "stream cannot be used; events wait in the ledger"),
        }
        self.reported = Some(news);
    }

    fn update_metrics(&self) {
        status_metrics::show(&self.metrics, &self.state.status.borrow());
    }
}

/// Send what is left and close the connection.
async fn close(client: &Client, state: &ConnectionState) {
    if client.connection_state() == State::Connected {
        let closed = async {
            if client.drain().await.is_ok() {
                state.lost().await;
            }
        };
        // A server that does not read what is left gets no further time.
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, closed).await;
    }
}
