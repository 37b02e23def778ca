//! A real nats-server with JetStream, as a child process.

use std::fs;
use std::path::{Path, PathBuf};

use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;

use super::nats_users;
use super::process::{LastSignal, ProcessSpec};
use super::run_dir::{find_program, repository, scratch};
use super::server::{Server, deref_to_server};

/// The number of messages that are read at once.
const READ_WINDOW: usize = 64;

/// The configuration of a server.
#[derive(Clone, Debug, Default)]
pub(crate) struct NatsOptions {
    /// Sets `sync_interval: always`: an acknowledged message is on disk.
    pub(crate) sync_always: bool,
    /// Additional configuration in nats-server's format.
    pub(crate) extra: String,
    /// Uses the shipped `nats/nats-server.conf` with its users, in another directory, without the
    /// two options above.
    pub(crate) shipped: bool,
}

/// The nats-server of a test. Dropping it ends the server.
#[derive(Debug)]
pub(crate) struct NatsServer {
    server: Server,
    store: PathBuf,
    /// The credentials of the tests.
    user: Option<&'static str>,
}

deref_to_server!(NatsServer);

/// A stored message.
#[derive(Clone, Debug)]
pub(crate) struct StreamMessage {
    /// The stream sequence.
    pub(crate) seq: u64,
    pub(crate) subject: String,
    /// The headers in alphabetical order.
    pub(crate) headers: Vec<(String, String)>,
    /// The bytes of the body.
    pub(crate) bytes: Vec<u8>,
    /// The parsed body.
    pub(crate) payload: Value,
}

impl StreamMessage {
    /// Returns a message that a consumer got.
    pub(crate) fn of(message: &async_nats::jetstream::Message) -> Self {
        let seq = message.info().expect("its place").stream_sequence;
        let headers = message.headers.clone().unwrap_or_default();
        Self::new(seq, &message.subject, &headers, &message.payload)
    }

    fn new(seq: u64, subject: &str, headers: &async_nats::HeaderMap, body: &[u8]) -> Self {
        let mut headers: Vec<(String, String)> = headers
            .iter()
            .flat_map(|(name, values)| values.iter().map(move |value| (name.to_string(), value.to_string())))
            .collect();
        headers.sort();
        Self {
            seq,
            subject: subject.to_owned(),
            headers,
            payload: serde_json::from_slice(body).unwrap_or(Value::Null),
            bytes: body.to_vec(),
        }
    }

    /// Returns the value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

impl NatsServer {
    /// Starts a server on a free port with an empty store.
    pub(crate) async fn start() -> Self {
        Self::start_with(NatsOptions::default()).await
    }

    /// Starts a server with options.
    pub(crate) async fn start_with(options: NatsOptions) -> Self {
        let dir = scratch("nats");
        let server = Server::start(|port| spec(&dir, port, &options), ready).await;
        Self::of(server, &dir, &options)
    }

    /// Returns a configured server that does not run. Its URL is known, and nothing listens there.
    pub(crate) fn not_started(options: NatsOptions) -> Self {
        let dir = scratch("nats");
        let server = Server::stopped(|port| spec(&dir, port, &options), ready);
        Self::of(server, &dir, &options)
    }

    fn of(server: Server, dir: &Path, options: &NatsOptions) -> Self {
        Self {
            server,
            store: store(dir),
            user: options.shipped.then_some("operator"),
        }
    }

    /// Returns the URL for clients.
    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port())
    }

    /// Returns the directory of the streams.
    pub(crate) fn store_dir(&self) -> &PathBuf {
        &self.store
    }

    /// Deletes the store of a stopped server, with all streams and messages.
    pub(crate) fn wipe_store(&mut self) {
        assert!(!self.process().is_running(), "stop nats-server before its store is wiped");
        if self.store.exists() {
            fs::remove_dir_all(&self.store).expect("remove the store");
        }
    }

    /// Returns a new client connection.
    pub(crate) async fn client(&self) -> async_nats::Client {
        let options = self.user.map_or_else(Default::default, nats_users::login);
        options.connect(self.url()).await.expect("connect to nats-server")
    }

    /// Returns the JetStream API over a new connection.
    pub(crate) async fn jetstream(&self) -> async_nats::jetstream::Context {
        async_nats::jetstream::new(self.client().await)
    }

    /// Whether the server is older than the version (major, minor) with a capability that a test
    /// needs. Says so: the test ends without having shown anything.
    #[expect(clippy::print_stderr, reason = "names what is not tested")]
    pub(crate) async fn lacks(&self, capability: &str, since: (u32, u32)) -> bool {
        let version = self.client().await.server_info().version;
        let mut numbers = version.split('.').map(|number| number.parse::<u32>().expect("a number"));
        let found = (numbers.next().expect("a version"), numbers.next().expect("a version"));
        let lacks = found < since;
        if lacks {
            eprintln!("skipped: nats-server {version} lacks {capability}");
        }
        lacks
    }

    /// Returns every message of a stream, in order; none if the stream does not exist.
    pub(crate) async fn messages(&self, stream_name: &str) -> Vec<StreamMessage> {
        messages(&self.jetstream().await, stream_name).await
    }
}

/// Returns every message of a stream, in order; none if the stream does not exist.
pub(crate) async fn messages(jetstream: &async_nats::jetstream::Context, stream_name: &str) -> Vec<StreamMessage> {
    match jetstream.get_stream(stream_name).await {
        Ok(stream) => messages_from(&stream, 0).await.expect("read the stream"),
        Err(_) => Vec::new(),
    }
}

/// Returns the messages of a stream from a stream sequence on, in order.
pub(crate) async fn messages_from(
    stream: &async_nats::jetstream::stream::Stream,
    first: u64,
) -> Result<Vec<StreamMessage>, async_nats::Error> {
    let state = stream.get_info().await?.state;
    if state.messages == 0 {
        return Ok(Vec::new());
    }
    let read = stream::iter(state.first_sequence.max(first)..=state.last_sequence)
        .map(|seq| read_message(stream, seq))
        .buffered(READ_WINDOW);
    Ok(read.try_filter_map(|message| async { Ok(message) }).try_collect().await?)
}

fn store(dir: &Path) -> PathBuf {
    dir.join("jetstream")
}

fn spec(dir: &Path, port: u16, options: &NatsOptions) -> ProcessSpec {
    let store = store(dir);
    let config = if options.shipped {
        nats_users::shipped_config(dir, port, &store)
    } else {
        let sync = if options.sync_always { "always" } else { "\"2m\"" };
        format!(
            "listen: \"127.0.0.1:{port}\"\nserver_name: \"n{port}\"\njetstream {{ store_dir: \"{}\", sync_interval: {sync} }}\n{}\n",
            store.display(),
            options.extra
        )
    };
    let file = dir.join("nats-server.conf");
    fs::write(&file, config).expect("write nats-server.conf");
    ProcessSpec {
        name: "nats-server",
        program: program(),
        args: vec!["--config".into(), file.display().to_string()],
        env: options.shipped.then(nats_users::environment),
        log: scratch("nats-log").join("nats-server.log"),
        user: None,
        last_signal: LastSignal::Kill,
    }
}

/// Whether the server offers JetStream on a connection.
async fn ready(port: u16) -> Result<(), String> {
    greeting(port).await.map_err(|error| error.to_string())
}

/// Reads the server's INFO message, which says whether JetStream is available.
async fn greeting(port: u16) -> std::io::Result<()> {
    let socket = TcpStream::connect(("127.0.0.1", port)).await?;
    let mut greeting = String::new();
    BufReader::new(socket).read_line(&mut greeting).await?;
    if greeting.contains("\"jetstream\":true") {
        return Ok(());
    }
    Err(std::io::Error::other(format!("no JetStream yet: {greeting}")))
}

/// Returns the message at a sequence, or `None` if it was deleted.
async fn read_message(
    stream: &async_nats::jetstream::stream::Stream,
    seq: u64,
) -> Result<Option<StreamMessage>, async_nats::jetstream::stream::RawMessageError> {
    use async_nats::jetstream::stream::RawMessageErrorKind;
    let message = match stream.get_raw_message(seq).await {
        Ok(message) => message,
        Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => return Ok(None),
        Err(error) => return Err(error),
    };
    Ok(Some(StreamMessage::new(
        message.sequence,
        &message.subject,
        &message.headers,
        &message.payload,
    )))
}

/// Returns the path of the nats-server binary.
pub(crate) fn program() -> PathBuf {
    find_program("nats-server", "WATCHWORD_NATS_SERVER", &[repository().join(".tools")])
}
