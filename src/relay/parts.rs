//! What the relay works with.

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::status::RelayStatus;
use crate::relay::publish::copies::CopyRequests;
use crate::{
    domain::clock::Clock, jetstream::JetStreamPublisher, security::LedgerMarks, store::Ledger, telemetry::Metrics,
};

pub struct RelayParts {
    pub ledger: Ledger,
    pub publisher: JetStreamPublisher,
    pub marks: LedgerMarks,
    pub clock: Arc<dyn Clock>,
    pub metrics: Arc<Metrics>,
    /// What `/readyz` reports.
    pub status: watch::Sender<RelayStatus>,
    /// The copies that a replay sends to the event stream.
    pub copies: CopyRequests,
    /// Cancelled when the service stops, after its last request is answered.
    pub shutdown: CancellationToken,
    /// How long pending events may still be published after the shutdown. What remains waits in the
    /// ledger.
    pub flush_timeout: Duration,
    /// Between two checks of the durable consumers of the stream; zero: never.
    pub consumer_check_interval: Duration,
    /// How long a backlog larger than the stream waits in all for consumers to read.
    pub consumer_patience: Duration,
}
