//! The order in which the service stops: first requests, then the relay with what they recorded,
//! then NATS.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tokio_util::sync::CancellationToken;

/// One token per step. Each is cancelled after the step before it has ended.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    /// Set first: the service is not ready, and serves on for `http.shutdown_delay`.
    pub draining: Arc<AtomicBool>,
    /// Cancelled then: the service accepts no new requests.
    pub serving: CancellationToken,
    /// Cancelled when nothing commits any longer: the relay publishes what is left.
    pub relaying: CancellationToken,
    /// Cancelled when everything is published: disconnect, and end an embedded server.
    pub connected: CancellationToken,
}
