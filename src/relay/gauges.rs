//! The backlog as metrics. Every instance reports it, so that an alert does not depend on the
//! leader.

use std::time::Duration;

use tokio::task::JoinHandle;

use super::parts::RelayParts;
use crate::{
    store::Backlog,
    telemetry::{self, Metrics, error_chain},
};

const UPDATE_INTERVAL: Duration = Duration::from_secs(2);

/// Report the backlog until the shutdown.
pub(crate) fn spawn(parts: &RelayParts) -> JoinHandle<()> {
    let (ledger, metrics) = (parts.ledger.clone(), parts.metrics.clone());
    let (clock, shutdown, status) = (parts.clock.clone(), parts.shutdown.clone(), parts.status.clone());
    telemetry::spawn("relay-gauges", async move {
        while !shutdown.is_cancelled() {
            match ledger.backlog().await {
                Ok(backlog) => {
                    let age = backlog.oldest.map(|oldest| clock.now() - oldest);
                    show(&metrics, &backlog, age);
                    status.send_modify(|status| {
                        status.oldest = age.map(|age| Duration::try_from(age).unwrap_or_default())
                    });
                }
                Err(error) => tracing::debug!(error = %error_chain(&error), "backlog cannot be read"),
            }
            tokio::select! {
                () = tokio::time::sleep(UPDATE_INTERVAL) => {}
                () = shutdown.cancelled() => {}
            }
        }
    })
}

fn show(metrics: &Metrics, backlog: &Backlog, age: Option<time::Duration>) {
    let count = |rows: u64| i64::try_from(rows).unwrap_or(i64::MAX);
    metrics.outbox_pending.set(count(backlog.pending));
    metrics.outbox_oldest_age.set(age.map_or(0.0, |age| age.as_seconds_f64().max(0.0)));
}
