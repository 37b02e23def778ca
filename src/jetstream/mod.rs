//! NATS JetStream: the connection, the embedded server, the stream and the publisher.
//!
//! ```text
//! Nats::start ─ embedded server ─ connection ─ stream created or verified ─► NatsStatus
//!                                     └─ JetStreamPublisher ◄─ relay
//! ```
//!
//! Nothing here waits for a server at the start, and nothing is published while the connection is
//! down: the client would queue it and send it much later. No request of the service gets here; its
//! events wait in the ledger.
//!
//! **When something dies.** The server: the client reconnects and the stream is checked again;
//! until then the status says "unknown", which stops the relay. This process: it keeps nothing here
//! that matters; the relay starts from the end of the stream. The stream (deleted, replaced, owned
//! by another name): publishing reports it, or the next check does; a missing stream is created
//! from the definition where the relay leads, a wrong one is reported and not touched.

mod check;
mod connection;
mod embedded;
mod error;
mod operator;
mod publish;
mod stream;
mod supervisor;

pub use self::{
    check::check,
    connection::{ConnectProblem, NatsStatus, NotAVersion, ServerVersion, StreamFacts, StreamState},
    error::{NatsError, ProbeError, StreamFault},
    operator::{Applied, CommandServer, StreamAdmin, StreamReader, StreamSummary, check_connection},
    publish::{
        Answer, Failure, JetStreamPublisher, MAX_ATOMIC_BATCH_SIZE, MIN_ATOMIC_BATCH_SIZE, OutgoingEvent,
        OutgoingMessage, REPLAY_SUBJECT, ReplayPublisher, SendMode, Sent, Source, may_be_unrouted,
    },
    stream::{
        Drift, DurableLag, MessageId, Scan, ScanRequest, ScanStart, ScannedMessage, StoredMessage, StreamUsage,
        UnackedMessage, desired, document, drift,
    },
    supervisor::{Nats, NatsHandle},
};
