//! What the relay works with.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use crate::{domain::clock::Clock, store::Ledger, telemetry::Metrics};

pub struct RelayParts<P> {
    pub ledger: Ledger,
    pub publisher: P,
    pub clock: Arc<dyn Clock>,
    pub metrics: Arc<Metrics>,
    /// Cancelled when the service stops, after its last request is answered.
    pub shutdown: CancellationToken,
    /// How long pending events may still be published after the shutdown. What remains waits in the
    /// ledger.
    pub flush_timeout: Duration,
    /// Between two checks of the durable consumers of the stream; zero: never.
    pub consumer_check_interval: Duration,
}
