//! Section `metrics`: the Prometheus listener.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// The listener that serves `GET /metrics`, apart from the public one.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct MetricsSettings {
    /// Whether the listener is started.
    pub enabled: bool,
    /// Address and port to listen on; port 0 lets the system choose one.
    pub listen: SocketAddr,
}
