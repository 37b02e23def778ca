//! The order of the shutdown: requests, then the relay, then NATS.

use tokio_util::sync::CancellationToken;

/// One token per step. Each is cancelled after the step before it has ended.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    /// Stop serving requests; `/readyz` reports not ready.
    pub serving: CancellationToken,
    /// No further commits follow: publish the remaining events and release the lease.
    pub relaying: CancellationToken,
    /// Everything is published: disconnect, and stop an embedded server.
    pub connected: CancellationToken,
}
