//! The metrics of the pool.

use prometheus::{Histogram, IntCounter, IntGauge};

use crate::telemetry::Metrics;

/// Clones share their values.
#[derive(Debug, Clone)]
pub struct HasherStats {
    /// Jobs that wait for a thread.
    pub queue_depth: IntGauge,
    /// Jobs in flight.
    pub active: IntGauge,
    /// How long jobs waited for a thread, in seconds.
    pub wait_seconds: Histogram,
    /// Jobs that were refused as [`HashError::Busy`](super::HashError::Busy).
    pub rejected: IntCounter,
}

impl From<&Metrics> for HasherStats {
    fn from(metrics: &Metrics) -> Self {
        Self {
            queue_depth: metrics.hash_queue_depth.clone(),
            active: metrics.hash_active.clone(),
            wait_seconds: metrics.hash_wait.clone(),
            rejected: metrics.hash_rejected.clone(),
        }
    }
}
