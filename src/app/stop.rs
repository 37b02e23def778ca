//! The order in which the service stops: first requests, then the relay with what they recorded, then NATS.

use tokio_util::sync::CancellationToken;

/// One token per step, so that no step starts before the one it depends on has ended.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    /// Not ready any more; no new requests.
    pub serving: CancellationToken,
    /// No new commits: publish what is left and stand down.
    pub relaying: CancellationToken,
    /// Nothing more to publish: disconnect, and end an embedded server.
    pub connected: CancellationToken,
}
