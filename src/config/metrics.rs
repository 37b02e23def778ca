//! Section `metrics`: the Prometheus listener.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// The listener that serves `GET /metrics`, separate from the public one.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct MetricsSettings {
    /// Start the listener.
    pub enabled: bool,
    /// IP address and port to listen on. Port 0 lets the system choose one.
    pub listen: SocketAddr,
}
