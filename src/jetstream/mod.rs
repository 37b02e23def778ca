//! NATS JetStream: the connection, the embedded server, the stream and the publisher.
//!
//! ```text
//! Nats::start ─ embedded server (when no NATS_URL) ─ client ─ stream made or verified ─► NatsStatus
//!                                                       └─ JetStreamPublisher ◄─ relay
//! ```
//!
//! Nothing here waits for a server at the start, and nothing is published while the connection is down: the client
//! would queue it and send it much later. A request of the service never comes here; its events wait in the ledger.
//!
//! **When something dies.** The server: the client reconnects, the stream is looked at again, and until then the status
//! says "unknown", which stops the relay. This process: nothing is kept here that matters; the relay starts from the
//! ledger. The stream (deleted, replaced, of another owner): publishing says so or the next look does; a missing one is
//! made again from the definition, a wrong one is reported and not touched.

mod admin;
mod batch;
mod connect;
mod connection;
mod consumers;
mod copies;
mod definition;
mod denied;
mod drift;
mod embedded;
mod error;
mod observe;
mod outcome;
mod probe;
mod provision;
mod publisher;
mod reader;
mod scan;
mod singles;
mod status;
mod supervisor;
mod version;

pub use self::{
    admin::{Applied, StreamAdmin, StreamSummary},
    consumers::{DurableLag, Filling, Unread},
    copies::{Copied, CopyPublisher, CopyTo, REPLAY_SUBJECT},
    definition::{desired, document},
    drift::{Drift, drift},
    error::{NatsError, ProbeError, StreamFault},
    outcome::{Outcome, Reason},
    publisher::{ATOMIC_FROM, ATOMIC_MOST, EventPublisher, JetStreamPublisher, OutgoingEvent, Source, Stored},
    reader::StreamReader,
    scan::{MessageId, Scan, Seen, Start, Wanted},
    status::{NatsStatus, StreamFacts, StreamState},
    supervisor::{Nats, NatsHandle},
    version::{NotAVersion, ServerVersion},
};
