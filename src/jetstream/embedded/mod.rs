//! The embedded server: a `nats-server` child process, for a service without `NATS_URL`.
//!
//! It listens on 127.0.0.1 alone, keeps its streams in `<data_dir>/nats` and syncs every message
//! before it acknowledges it. The service has a password there; every other program of the machine
//! is a guest, who reads and changes no stream. The instance that holds the lock on the directory
//! runs it; another instance with the same data directory uses that server, and takes over when the
//! lock becomes free.
//!
//! **When the service is killed.** The kernel ends the server with it (`setpriv --pdeathsig`).
//! Where that is missing, the server stays. It holds the lock on its store for as long as it lives,
//! since the locked file is its standard input. The next start terminates it before a new one opens
//! the same store, or says that it does not end.
//! **When the server dies** it is restarted on the same port, with a growing pause.

mod configuration;
mod files;
mod locate;
mod port;
mod process;

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use async_nats::{ConnectOptions, ServerAddr};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use rustix::process::Signal;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::{sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;

pub(crate) use self::configuration::USER;
use self::{
    files::{Files, Record},
    process::Child,
};
use crate::{
    config::{Settings, StreamSettings},
    domain::random::Random,
    telemetry::error_chain,
};

/// The longest wait until a server listens: it reads its store first.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// The longest wait for the server of a killed instance to end after SIGTERM.
const TERM_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest wait for it to be gone after SIGKILL.
const KILL_TIMEOUT: Duration = Duration::from_secs(2);
/// Between two attempts to get the lock on the store.
const POLL_INTERVAL: Duration = Duration::from_millis(20);
/// Between two attempts to find a missing program or to get the lock.
const SEARCH_INTERVAL: Duration = Duration::from_secs(2);
const MIN_RESTART_INTERVAL: Duration = Duration::from_millis(100);
const MAX_RESTART_INTERVAL: Duration = Duration::from_secs(10);

/// A server that listens.
#[derive(Clone, Debug)]
pub(crate) struct Running {
    /// On 127.0.0.1.
    port: u16,
    /// Another name on this port is another server.
    pub(crate) server_name: String,
    password: SecretString,
}

impl Running {
    /// The address, without credentials.
    ///
    /// # Errors
    ///
    /// When it cannot be parsed, which does not happen.
    pub(crate) fn address(&self) -> io::Result<ServerAddr> {
        format!("nats://127.0.0.1:{}", self.port).parse()
    }

    /// Connect as the service.
    pub(crate) fn login(&self, options: ConnectOptions) -> ConnectOptions {
        options.user_and_password(USER.to_owned(), self.password.expose_secret().to_owned())
    }
}

/// Runs the server until `shutdown`, and announces where it listens.
pub(crate) struct Embedded {
    files: Files,
    server_path: Option<PathBuf>,
    wanted_port: u16,
    stream: StreamSettings,
    /// The password of a server that has none yet.
    fresh_password: SecretString,
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
    #[error("{0} uses its store; end that process first")]
    StoreInUse(String),
}

impl Embedded {
    /// Start nothing yet.
    ///
    /// # Errors
    ///
    /// When the data directory has no absolute path.
    pub(crate) fn new(
        settings: &Settings,
        random: &dyn Random,
        running: watch::Sender<Option<Running>>,
        shutdown: CancellationToken,
    ) -> io::Result<Self> {
        Ok(Self {
            files: Files::new(&settings.data_dir)?,
            server_path: settings.nats.server_path.clone(),
            wanted_port: settings.nats.embedded_port,
            stream: settings.stream.clone(),
            fresh_password: password(random),
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
        let (mut child, running) = match self.start(&program).await {
            Ok(started) => started,
            Err(error) => {
                let dir = self.files.dir();
                tracing::error!(error = %error_chain(&error), dir = %dir.display(), "nats-server did not start");
                self.rest_longer(pause).await;
                return Ended::Died;
            }
        };
        let started = Instant::now();
        let port = running.port;
        tracing::info!(server_pid = child.pid, port, store = %self.files.dir().display(), "embedded nats-server started");
        self.announce(running);
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

    async fn start(&mut self, program: &Path) -> Result<(Child, Running), StartError> {
        let store = self.free_store().await?;
        // From here on no server has this process id.
        self.files.remove_record();
        let port = match self.port {
            Some(port) => port,
            None => port::free(self.wanted_port).await.map_err(StartError::Port)?,
        };
        let password = self.configure(port).map_err(StartError::Files)?;
        let mut child = Child::start(program, &self.files.config(), store).await.map_err(StartError::Spawn)?;
        if let Err(error) = self.files.write_record(&Record { pid: child.pid, port }) {
            child.stop().await;
            return Err(StartError::Files(error));
        }
        let server_name = self.files.server_name();
        let failure = tokio::select! {
            status = child.exited() => StartError::Ended(status),
            listening = tokio::time::timeout(START_TIMEOUT, port::listening(port, &server_name)) => match listening {
                Ok(()) => return Ok((child, Running { port, server_name, password })),
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

    fn configure(&self, port: u16) -> io::Result<SecretString> {
        let password = self.files.password_or(&self.fresh_password)?;
        self.files.write_config(port, &password, &self.stream)?;
        self.files.move_store()?;
        Ok(password)
    }

    /// End the server of an instance that was killed, and take the lock on the store.
    ///
    /// The server of the record is ended only if it answers and a server holds the lock: then it
    /// lives, and its process id is no other process's.
    async fn free_store(&self) -> Result<File, StartError> {
        let name = self.files.server_name();
        let record = self.files.record();
        let answers = match &record {
            Some(record) => port::answers(record.port, &name).await,
            None => false,
        };
        for (signal, timeout) in [(Signal::TERM, TERM_TIMEOUT), (Signal::KILL, KILL_TIMEOUT)] {
            let mut lock = self.files.lock_store().map_err(StartError::Files)?;
            if let (None, Some(Record { pid, .. }), true) = (&lock, &record, answers) {
                tracing::info!(server_pid = pid, ?signal, "ending the nats-server of an earlier instance");
                process::send(*pid, signal);
            }
            let end = Instant::now() + timeout;
            while lock.is_none() && Instant::now() < end {
                tokio::time::sleep(POLL_INTERVAL).await;
                lock = self.files.lock_store().map_err(StartError::Files)?;
            }
            match (lock, &record) {
                // A server of an earlier version holds no lock.
                (Some(_), Some(record)) if answers && port::answers(record.port, &name).await => break,
                (Some(lock), _) => return Ok(lock),
                (None, _) => {}
            }
        }
        Err(StartError::StoreInUse(record.map_or_else(
            || "an unknown nats-server".to_owned(),
            |Record { pid, port }| format!("the nats-server with process id {pid} on port {port}"),
        )))
    }

    /// Use the server of another instance until that instance ends.
    async fn follow(&mut self) {
        if let Some(running) = recorded(&self.files).await
            && self.port.is_none_or(|port| port == running.port)
        {
            self.announce(running);
        }
        self.rest(SEARCH_INTERVAL).await;
    }

    fn announce(&mut self, running: Running) {
        self.port = Some(running.port);
        self.running.send_if_modified(|known| {
            let changed = known.as_ref().is_none_or(|known| known.port != running.port);
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
    recorded(&Files::new(data_dir).ok()?).await
}

async fn recorded(files: &Files) -> Option<Running> {
    let port = files.record()?.port;
    let password = files.password().ok()?;
    let server_name = files.server_name();
    port::answers(port, &server_name).await.then_some(Running { port, server_name, password })
}

fn password(random: &dyn Random) -> SecretString {
    let mut bytes = [0_u8; 32];
    random.fill(&mut bytes);
    SecretString::from(URL_SAFE_NO_PAD.encode(bytes))
}
