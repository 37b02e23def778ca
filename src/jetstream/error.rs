//! What can go wrong with NATS: the configuration (refused at the start), the stream (nothing is
//! published until an operator acts), one request to the server (retried).

use std::path::PathBuf;

use super::connection::{ConnectProblem, ServerVersion};

/// The configuration of the connection cannot be used, or an administrative command failed.
#[derive(Debug, thiserror::Error)]
pub enum NatsError {
    #[error("nats.url: {0:?} is not the address of a NATS server (nats://host:port or tls://host:port)")]
    Url(String),
    /// A file of credentials, a seed or certificates cannot be read.
    #[error("{key}: cannot use {path}")]
    File {
        /// The configuration key that names the file.
        key: &'static str,
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("nats.url: the servers have different users; the service is one user on all of them")]
    Users,
    #[error("{0}")]
    Connect(ConnectProblem),
    /// A definition under `nats/streams/` is embedded in the program, so this is a bug.
    #[error("the embedded stream definition is not valid")]
    Definition(#[source] serde_json::Error),
    #[error("no nats-server runs for {0}: start the service first, or set NATS_URL")]
    NoEmbeddedServer(PathBuf),
    #[error(transparent)]
    Stream(#[from] StreamFault),
    #[error(transparent)]
    Probe(#[from] ProbeError),
    #[error("the stream {0} does not exist")]
    NoStream(String),
}

/// Why a stream must not, or cannot, take events. Each needs an operator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StreamFault {
    /// An older server ignores fields of the definition that it does not know.
    #[error("nats-server {found} is too old: {} or newer is needed", ServerVersion::OLDEST)]
    ServerTooOld { found: String },
    /// Another server than the embedded one answers on its port.
    #[error("the server on this port is {found}, not the embedded server {expected}")]
    OtherServer { expected: String, found: String },
    /// JetStream is off, for the server or for this account.
    #[error("JetStream is not enabled for this account: {0}")]
    NoJetStream(String),
    /// A stream of another name takes the subjects: our subscribers would not see what is published
    /// there.
    #[error("the stream {owner} owns {subject}, which belongs to {stream}: remove it, or change its subjects")]
    ForeignStream {
        /// The stream that should own the subject.
        stream: String,
        subject: String,
        /// The stream that owns it.
        owner: String,
    },
    /// The stream does not take what happened to accounts, so these events would find no stream.
    #[error("the stream {stream} does not take {subject}: run `watchword stream apply`")]
    SubjectMissing { stream: String, subject: String },
    /// Without acknowledgements no event could be known to be stored.
    #[error("the stream {0} does not acknowledge messages (no_ack): it cannot take events")]
    NoAck(String),
    #[error("the stream {0} is sealed: it takes no messages")]
    Sealed(String),
    #[error("the stream {0} is a mirror: it takes no messages")]
    Mirror(String),
    /// It would not hold what it acknowledged, or hold something else.
    #[error("the stream {stream} {property}: it cannot take events")]
    Unfit { stream: String, property: &'static str },
    /// The user may not request the stream's information or read its messages.
    #[error("the NATS user has no right to {0}, which it needs: see docs/NATS.md")]
    Denied(String),
    /// The server refused to create or change the stream.
    #[error("the server refused the stream {stream}: {reason}")]
    Refused { stream: String, reason: String },
}

impl StreamFault {
    /// A word for the label of a metric.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::ServerTooOld { .. } => "server_too_old",
            Self::OtherServer { .. } => "other_server",
            Self::NoJetStream(_) => "no_jetstream",
            Self::ForeignStream { .. } => "foreign_stream",
            Self::SubjectMissing { .. } => "subject_missing",
            Self::NoAck(_) => "no_ack",
            Self::Sealed(_) => "sealed",
            Self::Mirror(_) => "mirror",
            Self::Unfit { .. } => "unfit",
            Self::Denied(_) => "denied",
            Self::Refused { .. } => "refused",
        }
    }
}

/// One request to the server was not answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProbeError {
    #[error("not connected to NATS")]
    NotConnected,
    #[error("{0}: no answer in time")]
    TimedOut(&'static str),
    #[error("the NATS user has no right to {0}")]
    Denied(String),
    #[error("the stream does not exist")]
    NoStream,
    /// The server or the client refused.
    #[error("{what}: {reason}")]
    Refused {
        /// The request.
        what: &'static str,
        reason: String,
    },
}
