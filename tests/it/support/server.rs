//! A server on a free port, which its test can stop, kill and pause.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::ports::free_port;
use super::process::{NotReady, Process, ProcessSpec};

/// How often a start is retried with another port, when the port is taken.
const MAX_STARTS: usize = 10;

type Probing = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

/// A running server and its port, which a restart keeps. Servers of one kind dereference to it.
pub(crate) struct Server {
    process: Process,
    port: u16,
    probe: Arc<dyn Fn(u16) -> Probing + Send + Sync>,
}

impl Server {
    /// Starts a server on a free port, and waits until `probe` succeeds. Calls `spec` again with
    /// another port if the port is taken.
    pub(crate) async fn start<P, F>(spec: impl Fn(u16) -> ProcessSpec, probe: P) -> Self
    where
        P: Fn(u16) -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        let probe = boxed(probe);
        for _ in 0..MAX_STARTS {
            let port = free_port();
            let mut process = Process::start(spec(port));
            match process.try_ready(|| probe(port)).await {
                Ok(()) => return Self { process, port, probe },
                Err(NotReady::PortTaken) => {}
                Err(reason) => panic!("{reason}"),
            }
        }
        panic!("{MAX_STARTS} ports in a row were taken by another process");
    }

    /// Returns a server with a port that does not run. Nothing listens until
    /// [`Server::start_again`].
    pub(crate) fn stopped<P, F>(spec: impl Fn(u16) -> ProcessSpec, probe: P) -> Self
    where
        P: Fn(u16) -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        let port = free_port();
        Self {
            process: Process::stopped(spec(port)),
            port,
            probe: boxed(probe),
        }
    }

    /// Returns the port, which a restart keeps.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Returns the child process, to signal it or to read its log.
    pub(crate) fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// What the server has written to its log.
    pub(crate) fn log(&self) -> String {
        self.process.log()
    }

    /// Sends SIGTERM, and waits until the server has ended.
    pub(crate) async fn stop(&mut self) {
        self.process.stop().await;
    }

    /// Ends the server with SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }

    /// Freezes the server: it keeps its connections and answers nothing.
    pub(crate) fn pause(&self) {
        self.process.pause();
    }

    /// Resumes a frozen server.
    pub(crate) fn resume(&self) {
        self.process.resume();
    }

    /// Starts the ended server again, on the same port and with its data.
    pub(crate) async fn start_again(&mut self) {
        self.process.start_again();
        self.ready().await;
    }

    /// Waits until the server answers.
    pub(crate) async fn ready(&mut self) {
        let (probe, port) = (&self.probe, self.port);
        self.process.ready(|| probe(port)).await;
    }
}

fn boxed<P, F>(probe: P) -> Arc<dyn Fn(u16) -> Probing + Send + Sync>
where
    P: Fn(u16) -> F + Send + Sync + 'static,
    F: Future<Output = Result<(), String>> + Send + 'static,
{
    Arc::new(move |port| Box::pin(probe(port)))
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("process", &self.process)
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

/// Makes a type with a field `server: Server` dereference to it, so that `kill`, `pause`,
/// `start_again` and others can be called directly.
macro_rules! deref_to_server {
    ($($type:ty),+) => {
        $(impl std::ops::Deref for $type {
            type Target = super::server::Server;

            fn deref(&self) -> &super::server::Server {
                &self.server
            }
        }

        impl std::ops::DerefMut for $type {
            fn deref_mut(&mut self) -> &mut super::server::Server {
                &mut self.server
            }
        })+
    };
}
pub(crate) use deref_to_server;
