//! A real nats-server for tests: a child process on a free port, with its own store.
//!
//! The binary is that of `WATCHWORD_NATS_SERVER`, else in `.tools/` of the repository, else on the
//! PATH.

#[expect(dead_code, reason = "shared with the tests of the service, which need more of it")]
#[path = "../../../tests/it/support/ports.rs"]
pub(crate) mod ports;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use std::{env, fs};

use async_nats::jetstream::{self, Context, stream};
use tempfile::TempDir;
use uuid::Uuid;
use watchword_events::headers::for_event;
use watchword_events::{Event, EventKind, SUBJECT_FILTERS, example, schema};

pub(crate) const STREAM: &str = "auth-events";
/// A test that waits longer than this has failed.
pub(crate) const TEST_TIMEOUT: Duration = Duration::from_secs(60);

/// Starts of a server before its test fails because every port was taken.
const MAX_STARTS: usize = 10;

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
        for _ in 0..MAX_STARTS {
            let port = ports::free_port();
            let mut child = spawn(directory.path(), port);
            if listens(&mut child, directory.path(), port).await {
                return Self { child, port, directory };
            }
        }
        panic!("{MAX_STARTS} ports in a row were taken by another process");
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

    /// Deletes the messages of the stream from the store of a stopped server, and nothing else.
    pub(crate) fn lose_messages(&self) {
        let messages = self.directory.path().join(format!("store/jetstream/$G/streams/{STREAM}/msgs"));
        for file in fs::read_dir(messages).unwrap() {
            fs::remove_file(file.unwrap().path()).unwrap();
        }
    }

    /// Starts again on the same port, with the same store.
    pub(crate) async fn start_again(&mut self) {
        self.child = spawn(self.directory.path(), self.port);
        assert!(
            listens(&mut self.child, self.directory.path(), self.port).await,
            "another process took the port"
        );
    }

    /// Sends a signal by name, such as `STOP` or `CONT`.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status();
        assert!(sent.unwrap().success());
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

fn spawn(directory: &Path, port: u16) -> Child {
    Command::new(binary())
        .args(["-a", "127.0.0.1", "-p", &port.to_string(), "-n", &name(port), "-c"])
        .arg(directory.join("nats.conf"))
        .stdout(Stdio::null())
        .stderr(fs::File::create(directory.join("log")).unwrap())
        .spawn()
        .unwrap()
}

fn name(port: u16) -> String {
    format!("test-{}-{port}", std::process::id())
}

/// Waits until the server accepts connections; false when it ended because its port is taken.
async fn listens(child: &mut Child, directory: &Path, port: u16) -> bool {
    eventually("the server accepts connections", async || {
        if let Some(status) = child.try_wait().unwrap() {
            let log = fs::read_to_string(directory.join("log")).unwrap();
            assert!(log.contains("address already in use"), "{status}: {log}");
            return Some(false);
        }
        // It says who it is: on the port may be another server.
        let mut greeting = [0; 1024];
        let read = async {
            let mut socket = tokio::net::TcpStream::connect(("127.0.0.1", port)).await?;
            tokio::io::AsyncReadExt::read(&mut socket, &mut greeting).await
        };
        tokio::time::timeout(Duration::from_secs(3), read).await.ok()?.ok()?;
        String::from_utf8_lossy(&greeting).contains(&name(port)).then_some(true)
    })
    .await
}

pub(crate) fn binary() -> PathBuf {
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
    polling.await.unwrap_or_else(|_| panic!("timed out waiting for: {what}"))
}

pub(crate) async fn create_stream(context: &Context) -> stream::Stream {
    let config = stream::Config {
        name: STREAM.to_owned(),
        subjects: SUBJECT_FILTERS.map(str::to_owned).into(),
        ..Default::default()
    };
    context.create_stream(config).await.unwrap()
}

/// Returns the example of this kind, with `number` as its id.
pub(crate) fn event(kind: EventKind, number: u128) -> Event {
    Event { id: Uuid::from_u128(number), ..example::of(kind) }
}

/// Publishes an event as the service does.
pub(crate) async fn publish(context: &Context, event: &Event) -> u64 {
    let mut headers = async_nats::HeaderMap::new();
    for (name, value) in for_event(event, "https://auth.example.com", schema::BASE_URL) {
        headers.insert(name, value);
    }
    let body = event.to_json().unwrap();
    let ack = context
        .publish_with_headers(event.event.subject().into_owned(), headers, body.into())
        .await
        .unwrap();
    ack.await.unwrap().sequence
}
