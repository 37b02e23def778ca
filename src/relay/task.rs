//! Starting and stopping the relay.

use std::{sync::Arc, time::Duration};

use time::OffsetDateTime;
use tokio::{sync::watch, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use super::{gauges, lag, worker::Worker};
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
    /// How often the durables of the stream are looked at; zero for never.
    pub consumer_check: Duration,
}

/// The relay.
#[derive(Debug)]
pub struct Relay;

impl Relay {
    /// Starts the relay. The task ends after the shutdown, within `flush_for` and the publish that is under way.
    pub fn spawn<P: EventPublisher + Clone>(parts: RelayParts<P>) -> JoinHandle<()> {
        telemetry::spawn("relay", async move {
            let gauges = gauges::spawn(&parts);
            let (leading, leads) = watch::channel(false);
            let lag = lag::spawn(&parts, leads);
            Worker::new(parts, leading).run().await;
            // They end by the same shutdown.
            let _ = tokio::join!(gauges, lag);
        })
    }
}
