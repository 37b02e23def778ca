//! An instance of the service, and its links to the servers.

use std::path::PathBuf;
use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, prlimit};
use tokio::time::timeout;

use super::support::binary::{Binary, BinaryOptions};
use super::support::process::all_threads_stopped;
use super::support::proxy::Proxy;

/// How long one question to an instance may take.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);
/// Where Debian has the library that gives a process another time.
const FAKETIME: &str = "faketime/libfaketimeMT.so.1";

/// A server that an instance uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Server {
    Nats,
    Postgres,
    Redis,
}

/// An instance, and its links to the servers.
#[derive(Debug)]
pub(crate) struct Instance {
    pub(crate) binary: Binary,
    /// How it was started, for commands of an operator.
    pub(crate) options: BinaryOptions,
    links: Vec<(Server, Proxy)>,
    /// The NATS server that new connections reach.
    pub(crate) nats_node: usize,
    /// Whether the campaign has ended it, so that its end is no surprise.
    pub(crate) is_down: bool,
}

/// How an instance is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    Plain,
    /// It crashes at a named point.
    CrashAt(String),
    /// It stops at a named point, until it is continued.
    FreezeAt(String),
    /// Its clock is ahead by so many seconds, or behind.
    Ahead(i64),
}

impl Start {
    /// Returns the variables.
    fn environment(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Plain => Vec::new(),
            Self::CrashAt(point) => vec![("WATCHWORD_CRASH_AT", point.clone())],
            Self::FreezeAt(point) => vec![("WATCHWORD_FREEZE_AT", point.clone())],
            Self::Ahead(seconds) => vec![
                ("LD_PRELOAD", faketime().unwrap_or_default().display().to_string()),
                ("FAKETIME", format!("{seconds:+}s")),
                ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
            ],
        }
    }
}

/// The variables of all ways to start.
const VARIABLES: [&str; 5] = [
    "WATCHWORD_CRASH_AT",
    "WATCHWORD_FREEZE_AT",
    "LD_PRELOAD",
    "FAKETIME",
    "FAKETIME_DONT_FAKE_MONOTONIC",
];

/// Returns the library that gives a process another time, if the machine has it.
pub(crate) fn faketime() -> Option<PathBuf> {
    let mut directories = std::fs::read_dir("/usr/lib").ok()?.flatten();
    directories.find_map(|directory| Some(directory.path().join(FAKETIME)).filter(|file| file.exists()))
}

impl Instance {
    pub(crate) async fn start(options: BinaryOptions, links: Vec<(Server, Proxy)>, nats_node: usize) -> Self {
        let of_nats = links.iter().find(|(server, _)| *server == Server::Nats);
        let nats = of_nats.map_or(0, |(_, proxy)| proxy.port());
        let options = options.with("NATS_URL", &format!("nats://127.0.0.1:{nats}"));
        let binary = Binary::start(options.clone()).await;
        Self { binary, options, links, nats_node, is_down: false }
    }

    /// Returns the link to a server.
    pub(crate) fn link(&self, server: Server) -> Option<&Proxy> {
        self.links.iter().find(|(of, _)| *of == server).map(|(_, proxy)| proxy)
    }

    /// Ends the process with SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.is_down = true;
        self.binary.kill();
    }

    /// Starts the ended process again.
    pub(crate) fn start_again(&mut self, how: &Start) {
        let process = self.binary.process();
        if let Some(env) = &mut process.spec_mut().env {
            env.retain(|(key, _)| !VARIABLES.contains(&key.as_str()));
            env.extend(how.environment().into_iter().map(|(key, value)| (key.to_owned(), value)));
        }
        process.start_again();
        self.is_down = matches!(how, Start::CrashAt(_));
    }

    /// Limits the size of the files of the running process: writes beyond fail.
    pub(crate) fn limit_files(&mut self, bytes: Option<u64>) {
        let pid = self.binary.process().pid().and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
        if let Some(pid) = pid {
            // It may have ended by another fault.
            let _ = prlimit(Some(pid), Resource::Fsize, Rlimit { current: bytes, maximum: None });
        }
    }

    /// Whether the process has stopped itself.
    pub(crate) fn is_frozen(&self) -> bool {
        self.binary.pid().is_some_and(all_threads_stopped)
    }

    /// Returns what the instance says about its readiness, if it answers.
    pub(crate) async fn readiness(&self) -> Option<(u16, String)> {
        let http = self.binary.http();
        let request = http.request(reqwest::Method::GET, "/readyz");
        match timeout(PROBE_TIMEOUT, http.try_send(request)).await {
            Ok(Ok(answer)) => Some((answer.status.as_u16(), answer.text)),
            _ => None,
        }
    }

    /// Whether the instance says that it is ready.
    pub(crate) async fn is_ready(&self) -> bool {
        self.readiness().await.is_some_and(|(status, _)| status == 200)
    }
}
