//! Where a request came from: what its event says about it.

use std::net::IpAddr;

/// The request behind an action.
#[derive(Debug, Clone, Default)]
pub struct RequestMetadata {
    /// The request's id, in logs, problem documents and events.
    pub request_id: String,
    /// W3C trace context to continue, of the request's own span.
    pub traceparent: Option<String>,
    /// The client's address.
    pub ip: Option<IpAddr>,
    /// The client's own description of itself, bounded and free of control characters.
    pub user_agent: Option<String>,
}
