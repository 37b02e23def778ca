//! Starting and stopping the relay.

use tokio::{sync::watch, task::JoinHandle};

use super::consumer_lag;
use super::gauges;
use super::parts::RelayParts;
use crate::relay::publish::worker::Worker;
use crate::telemetry;

#[derive(Debug)]
pub struct Relay;

impl Relay {
    /// Start the relay. The task ends after the shutdown, within `flush_timeout` and the publish in
    /// flight.
    pub fn spawn(parts: RelayParts) -> JoinHandle<()> {
        telemetry::spawn("relay", async move {
            let gauges = gauges::spawn(&parts);
            let (leading, leads) = watch::channel(false);
            let lag = consumer_lag::spawn(&parts, leads);
            Worker::new(parts, leading).run().await;
            // They end by the same shutdown.
            let _ = tokio::join!(gauges, lag);
        })
    }
}
