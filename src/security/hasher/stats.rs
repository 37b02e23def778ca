//! What the pool reports about itself.

use prometheus::{Histogram, IntCounter, IntGauge};

use crate::telemetry::Metrics;

/// Handles of the pool's metrics; clones share their values.
#[derive(Debug, Clone)]
pub struct HasherStats {
    /// Hashes that wait for a thread.
    pub queue_depth: IntGauge,
    /// Hashes that are being computed.
    pub active: IntGauge,
    /// How long hashes waited for a thread, in seconds.
    pub wait_seconds: Histogram,
    /// Requests that were refused as [`HashError::Busy`](super::HashError::Busy).
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
