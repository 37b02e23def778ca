//! The embedded server: a `nats-server` child process, for a service without `NATS_URL`.
//!
//! It listens on 127.0.0.1 alone, keeps its streams in `<data_dir>/nats` and syncs every message
//! before it acknowledges it. The instance that holds the lock on the directory runs it; another
//! instance with the same data directory uses that server, and takes over when the lock becomes
//! free.
//!
//! **When the service is killed.** The kernel ends the server with it (`setpriv --pdeathsig`).
//! Where that is missing, the next start finds the process id in `server.json`, and the free lock
//! proves that its owner is gone: the server is terminated before a new one opens the same store.
//! **When the server dies** it is restarted on the same port, with a growing pause.

mod files;
mod locate;
mod process;

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Deserialize;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    net::{TcpListener, TcpStream},
    sync::watch,
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use self::{
    files::{Files, Record},
    process::Child,
};
use crate::{config::NatsSettings, telemetry::error_chain};

/// The longest wait until a server listens: it reads its store first.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// Between two attempts to connect to a server that starts.
const POLL_INTERVAL: Duration = Duration::from_millis(20);
/// Between two attempts to find a missing program or to get the lock.
const SEARCH_INTERVAL: Duration = Duration::from_secs(2);
const MIN_RESTART_INTERVAL: Duration = Duration::from_millis(100);
const MAX_RESTART_INTERVAL: Duration = Duration::from_secs(10);

/// A server that listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Running {
    /// On 127.0.0.1.
    pub(crate) port: u16,
    /// Another name on this port is another server.
    pub(crate) server_name: String,
}

/// Runs the server until `shutdown`, and announces where it listens.
pub(crate) struct Embedded {
    files: Files,
    server_path: Option<PathBuf>,
    wanted_port: u16,
    /// Kept after the first successful start: the client does not look for another.
    port: Option<u16>,
    running: watch::Sender<Option<Running>>,
    shutdown: CancellationToken,
}

/// How running the server ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    /// The service stops.
    Stopped,
    /// The server died, or did not start.
    Died,
}

#[derive(Debug, thiserror::Error)]
enum StartError {
    #[error("its files cannot be written")]
    Files(#[source] io::Error),
    #[error("it cannot be started")]
    Spawn(#[source] io::Error),
    #[error("no port is free")]
    Port(#[source] io::Error),
    #[error("it ended instead of listening ({0}); its log says why")]
    Ended(String),
    #[error("it does not listen")]
    Silent,
}

impl Embedded {
    /// Start nothing yet.
    ///
    /// # Errors
    ///
    /// When the data directory has no absolute path.
    pub(crate) fn new(
        settings: &NatsSettings,
        data_dir: &Path,
        running: watch::Sender<Option<Running>>,
        shutdown: CancellationToken,
    ) -> io::Result<Self> {
        Ok(Self {
            files: Files::new(data_dir)?,
            server_path: settings.server_path.clone(),
            wanted_port: settings.embedded_port,
            port: None,
            running,
            shutdown,
        })
    }

    /// Run the server until the shutdown.
    pub(crate) async fn run(mut self) {
        let mut pause = MIN_RESTART_INTERVAL;
        while !self.shutdown.is_cancelled() {
            match self.files.lock() {
                Ok(Some(_lock)) => {
                    if self.own(&mut pause).await == Ended::Stopped {
                        return;
                    }
                }
                Ok(None) => self.follow().await,
                Err(error) => {
                    let dir = self.files.dir();
                    tracing::error!(%error, dir = %dir.display(), "directory of the embedded nats-server cannot be used");
                    self.rest(MAX_RESTART_INTERVAL).await;
                }
            }
        }
    }

    /// Run the server, while holding the lock, until it or the service ends.
    async fn own(&mut self, pause: &mut Duration) -> Ended {
        let Some(program) = self.program().await else {
            return Ended::Stopped;
        };
        let (mut child, port) = match self.start(&program).await {
            Ok(started) => started,
            Err(error) => {
                let dir = self.files.dir();
                tracing::error!(error = %error_chain(&error), dir = %dir.display(), "nats-server did not start");
                self.rest_longer(pause).await;
                return Ended::Died;
            }
        };
        let started = Instant::now();
        tracing::info!(server_pid = child.pid, port, store = %self.files.dir().display(), "embedded nats-server started");
        self.announce(port);
        tokio::select! {
            status = child.exited() => {
                tracing::error!(status, "embedded nats-server ended; restarting");
                self.files.remove_record();
                if started.elapsed() > MAX_RESTART_INTERVAL {
                    *pause = MIN_RESTART_INTERVAL;
                }
                self.rest_longer(pause).await;
                Ended::Died
            }
            () = self.shutdown.cancelled() => {
                child.stop().await;
                self.files.remove_record();
                Ended::Stopped
            }
        }
    }

    /// Wait for the program to be installed; `None` at the shutdown.
    async fn program(&self) -> Option<PathBuf> {
        let mut warned = false;
        while !self.shutdown.is_cancelled() {
            if let Some(program) = locate::nats_server(self.server_path.as_deref()) {
                return Some(program);
            }
            if !warned {
                tracing::warn!(
                    "no nats-server found in .tools/ or on PATH; events wait in the ledger until it is installed. \
                     Run `make nats-server` to install it, or set NATS_URL to use a server that runs elsewhere"
                );
                warned = true;
            }
            self.rest(SEARCH_INTERVAL).await;
        }
        None
    }

    async fn start(&mut self, program: &Path) -> Result<(Child, u16), StartError> {
        if let Some(orphan) = self.files.record() {
            process::end_orphan(orphan.pid, &self.files.config()).await;
        }
        let port = match self.port {
            Some(port) => port,
            None => free_port(self.wanted_port).await.map_err(StartError::Port)?,
        };
        self.files.write_config(port).map_err(StartError::Files)?;
        let mut child = Child::start(program, &self.files.config()).await.map_err(StartError::Spawn)?;
        self.files.write_record(&Record { pid: child.pid, port }).map_err(StartError::Files)?;
        let name = self.files.server_name();
        let failure = tokio::select! {
            status = child.exited() => StartError::Ended(status),
            listening = tokio::time::timeout(START_TIMEOUT, listening(port, &name)) => match listening {
                Ok(()) => return Ok((child, port)),
                Err(_) => StartError::Silent,
            },
            () = self.shutdown.cancelled() => StartError::Silent,
        };
        if matches!(failure, StartError::Silent) {
            child.stop().await;
        }
        self.files.remove_record();
        Err(failure)
    }

    /// Use the server of another instance until that instance ends.
    async fn follow(&mut self) {
        if let Some(record) = self.files.record()
            && self.port.is_none_or(|port| port == record.port)
            && greeting(record.port).await.is_ok_and(|name| name == self.files.server_name())
        {
            self.announce(record.port);
        }
        self.rest(SEARCH_INTERVAL).await;
    }

    fn announce(&mut self, port: u16) {
        self.port = Some(port);
        let running = Running { port, server_name: self.files.server_name() };
        self.running.send_if_modified(|known| {
            let changed = known.as_ref() != Some(&running);
            *known = Some(running);
            changed
        });
    }

    async fn rest_longer(&self, pause: &mut Duration) {
        self.rest(*pause).await;
        *pause = (*pause * 2).min(MAX_RESTART_INTERVAL);
    }

    async fn rest(&self, pause: Duration) {
        let _ = self.shutdown.run_until_cancelled(tokio::time::sleep(pause)).await;
    }
}

/// Find the server that runs for a data directory now.
pub(crate) async fn running(data_dir: &Path) -> Option<Running> {
    let files = Files::new(data_dir).ok()?;
    let record = files.record()?;
    let server_name = greeting(record.port).await.ok()?;
    (server_name == files.server_name()).then_some(Running { port: record.port, server_name })
}

/// The wanted port if it is free, else one that the system chooses.
async fn free_port(wanted: u16) -> io::Result<u16> {
    let listener = match TcpListener::bind(("127.0.0.1", wanted)).await {
        Ok(listener) => listener,
        Err(error) => {
            tracing::info!(%error, port = wanted, "port of the embedded nats-server is taken; using another");
            TcpListener::bind(("127.0.0.1", 0)).await?
        }
    };
    Ok(listener.local_addr()?.port())
}

/// Resolve when a server of this name listens on the port.
async fn listening(port: u16, server_name: &str) {
    while !greeting(port).await.is_ok_and(|name| name == server_name) {
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// Read the name in a server's greeting.
async fn greeting(port: u16) -> io::Result<String> {
    #[derive(Deserialize)]
    struct Info {
        server_name: String,
    }
    let socket = TcpStream::connect(("127.0.0.1", port)).await?;
    let mut line = String::new();
    let read = async { BufReader::new(socket).read_line(&mut line).await };
    tokio::time::timeout(Duration::from_secs(1), read).await??;
    let json = line.strip_prefix("INFO ").unwrap_or_default();
    let info: Info = serde_json::from_str(json)?;
    Ok(info.server_name)
}
