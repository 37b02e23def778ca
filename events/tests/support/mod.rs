//! A real nats-server for tests: a child process on a free port, with its own store.
//!
//! The binary is that of `WATCHWORD_NATS_SERVER`, else in `.tools/` of the repository, else on the
//! PATH.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use std::{env, fs};

use async_nats::jetstream::{self, Context, stream};
use serde_json::Value;
use tempfile::TempDir;
use uuid::Uuid;
use watchword_events::headers::for_event;
use watchword_events::{Event, EventKind, example};

pub(crate) const STREAM: &str = "auth-events";
/// A test that waits longer than this has failed.
pub(crate) const TEST_TIMEOUT: Duration = Duration::from_secs(30);

pub(crate) struct NatsServer {
    child: Child,
    port: u16,
    directory: TempDir,
}

impl NatsServer {
    pub(crate) async fn start() -> Self {
        Self::start_with("").await
    }

    /// Starts with additional configuration, such as users.
    pub(crate) async fn start_with(configuration: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = directory.path().join("store");
        let config = format!("jetstream {{ store_dir: {:?} }}\n{configuration}\n", store.display());
        fs::write(directory.path().join("nats.conf"), config).unwrap();
        let child = spawn(directory.path(), None);
        let mut server = Self {
            child,
            port: 0,
            directory,
        };
        let ports = server
            .directory
            .path()
            .join(format!("nats-server_{}.ports", server.child.id()));
        server.port = eventually("the server writes its port", async || {
            let ports: Value = serde_json::from_slice(&fs::read(&ports).ok()?).ok()?;
            ports.pointer("/nats/0")?.as_str()?.rsplit(':').next()?.parse().ok()
        })
        .await;
        server.ready().await;
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Sends SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends SIGTERM.
    pub(crate) fn stop(&mut self) {
        self.signal("TERM");
        self.child.wait().unwrap();
    }

    /// Starts again on the same port, with the same store.
    pub(crate) async fn start_again(&mut self) {
        self.child = spawn(self.directory.path(), Some(self.port));
        self.ready().await;
    }

    /// Sends a signal by name, such as `STOP` or `CONT`.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .arg(format!("-{name}"))
            .arg(self.child.id().to_string())
            .status();
        assert!(sent.unwrap().success());
    }

    async fn ready(&self) {
        let address = ("127.0.0.1", self.port);
        eventually("the server accepts connections", async || {
            tokio::net::TcpStream::connect(address).await.ok()
        })
        .await;
    }

    pub(crate) async fn jetstream(&self) -> Context {
        jetstream::new(async_nats::connect(self.url()).await.unwrap())
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        // The process may have ended before.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(directory: &Path, port: Option<u16>) -> Child {
    let port = port.map_or("-1".to_owned(), |port| port.to_string());
    Command::new(binary())
        .args(["-a", "127.0.0.1", "-p", &port, "-c"])
        .arg(directory.join("nats.conf"))
        .arg("--ports_file_dir")
        .arg(directory)
        .stdout(Stdio::null())
        .stderr(fs::File::create(directory.join("log")).unwrap())
        .spawn()
        .unwrap()
}

fn binary() -> PathBuf {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools/nats-server");
    match env::var_os("WATCHWORD_NATS_SERVER") {
        Some(path) => path.into(),
        None if tools.exists() => tools,
        None => "nats-server".into(),
    }
}

/// Polls until `poll` returns a value.
pub(crate) async fn eventually<T>(what: &str, mut poll: impl AsyncFnMut() -> Option<T>) -> T {
    let polling = tokio::time::timeout(TEST_TIMEOUT, async {
        loop {
            if let Some(value) = poll().await {
                return value;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    polling
        .await
        .unwrap_or_else(|_| panic!("timed out waiting for: {what}"))
}

pub(crate) async fn create_stream(context: &Context) -> stream::Stream {
    let config = stream::Config {
        name: STREAM.to_owned(),
        subjects: vec!["auth.user.*".to_owned()],
        ..Default::default()
    };
    context.create_stream(config).await.unwrap()
}

/// Returns the example of this kind, with `number` as its id.
pub(crate) fn event(kind: EventKind, number: u128) -> Event {
    Event {
        id: Uuid::from_u128(number),
        ..example::of(kind)
    }
}

/// Publishes an event as the service does.
pub(crate) async fn publish(context: &Context, event: &Event) -> u64 {
    let mut headers = async_nats::HeaderMap::new();
    for (name, value) in for_event(event, "https://auth.example.com") {
        headers.insert(name, value);
    }
    let body = event.to_json().unwrap();
    let ack = context
        .publish_with_headers(event.event.subject(), headers, body.into())
        .await
        .unwrap();
    ack.await.unwrap().sequence
}
