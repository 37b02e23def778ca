//! Starting and stopping the relay.

use std::{sync::Arc, time::Duration};

use time::OffsetDateTime;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{gauges, worker::Worker};
use crate::{
    jetstream::EventPublisher,
    store::Ledger,
    telemetry::{self, Metrics},
};

/// What time it is.
pub type Clock = Arc<dyn Fn() -> OffsetDateTime + Send + Sync>;

/// What the relay works with.
pub struct RelayParts<P> {
    /// Where the events are.
    pub ledger: Ledger,
    /// Where they go.
    pub publisher: P,
    /// What time it is.
    pub now: Clock,
    /// Where figures go.
    pub metrics: Arc<Metrics>,
    /// Cancelled when the service stops, after its last request is answered.
    pub shutdown: CancellationToken,
    /// How long what is pending may still be published after that. What is not, waits in the ledger.
    pub flush_for: Duration,
}

/// The relay.
#[derive(Debug)]
pub struct Relay;

impl Relay {
    /// Starts the relay. The task ends after the shutdown, within `flush_for` and the publish that is under way.
    pub fn spawn<P: EventPublisher>(parts: RelayParts<P>) -> JoinHandle<()> {
        telemetry::spawn("relay", async move {
            let gauges = gauges::spawn(&parts);
            Worker::new(parts).run().await;
            // It ends by the same shutdown.
            let _ = gauges.await;
        })
    }
}
