//! What can be wrong with NATS: the configuration (refused at the start), the stream (nothing is published until
//! an operator acts), one look at the server (tried again).

use std::path::PathBuf;

use super::version::ServerVersion;

/// The configuration of the connection cannot be used, or an administrative command failed.
#[derive(Debug, thiserror::Error)]
pub enum NatsError {
    /// `nats.url` is not an address of a NATS server.
    #[error("nats.url: {0:?} is not the address of a NATS server (nats://host:port)")]
    Url(String),
    /// A credentials, seed or certificate file cannot be read.
    #[error("{key}: cannot use {path}")]
    File {
        /// The configuration key that names the file.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The client refused its options.
    #[error("the NATS client could not be set up")]
    Client(#[source] async_nats::ConnectError),
    /// `nats/streams/auth-events.json` is embedded in the program, so this is a mistake in the program.
    #[error("the embedded stream definition is not valid")]
    Definition(#[source] serde_json::Error),
    /// No embedded server runs for this data directory.
    #[error("no nats-server runs for {0}: start the service first, or set NATS_URL")]
    NoEmbeddedServer(PathBuf),
    /// The stream cannot be used.
    #[error(transparent)]
    Stream(#[from] StreamFault),
    /// The server did not answer as it should.
    #[error(transparent)]
    Probe(#[from] ProbeError),
    /// The stream does not exist.
    #[error("the stream {0} does not exist")]
    NoStream(String),
}

/// Why a stream must not, or cannot, take events. Each needs an operator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StreamFault {
    /// The server is too old to be trusted with the definition.
    #[error("nats-server {found} is too old: {} or newer is needed", ServerVersion::OLDEST)]
    ServerTooOld {
        /// The version the server reported.
        found: String,
    },
    /// Another server than the embedded one answers on its port.
    #[error("the server on this port is {found}, not the embedded server {expected}")]
    OtherServer {
        /// The name of the embedded server.
        expected: String,
        /// The name of the server that answered.
        found: String,
    },
    /// JetStream is off, for the server or for this account.
    #[error("JetStream is not enabled for this account: {0}")]
    NoJetStream(String),
    /// A stream of another name takes the subjects: events published there would be lost to our subscribers.
    #[error("the stream {owner} owns {subject}, which belongs to {stream}: remove it, or change its subjects")]
    ForeignStream {
        /// The stream the subject belongs to.
        stream: String,
        /// The subject in question.
        subject: String,
        /// The stream that has it.
        owner: String,
    },
    /// The stream does not listen to a subject of the definition, so events would find no stream.
    #[error("the stream {stream} does not take {subject}: run `watchword stream apply`")]
    SubjectMissing {
        /// The stream.
        stream: String,
        /// The subject it should take.
        subject: String,
    },
    /// The stream does not acknowledge, so nothing could ever be known to be stored.
    #[error("the stream {0} does not acknowledge messages (no_ack): it cannot take events")]
    NoAck(String),
    /// The stream is sealed.
    #[error("the stream {0} is sealed: it takes no messages")]
    Sealed(String),
    /// The stream copies another one.
    #[error("the stream {0} is a mirror: it takes no messages")]
    Mirror(String),
    /// This user may not ask for the stream.
    #[error("the NATS user has no right to {0}, which it needs: see docs/NATS.md")]
    Denied(String),
    /// The server refused to make the stream.
    #[error("the server refused the stream {stream}: {reason}")]
    Refused {
        /// The stream.
        stream: String,
        /// The server's words.
        reason: String,
    },
}

/// One question to the server was not answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProbeError {
    /// There is no connection.
    #[error("not connected to NATS")]
    NotConnected,
    /// No answer in time.
    #[error("{0}: no answer in time")]
    TimedOut(&'static str),
    /// This user may not ask.
    #[error("the NATS user has no right to {0}")]
    Denied(String),
    /// The stream does not exist.
    #[error("the stream does not exist")]
    NoStream,
    /// The server or the client refused.
    #[error("{what}: {reason}")]
    Refused {
        /// What was asked.
        what: &'static str,
        /// The answer.
        reason: String,
    },
}
