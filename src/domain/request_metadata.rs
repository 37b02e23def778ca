//! Request metadata, which logs, problem documents and events carry.

use std::net::IpAddr;

#[derive(Debug, Clone, Default)]
pub struct RequestMetadata {
    pub request_id: String,
    /// W3C trace context of the request's own span, to be continued.
    pub traceparent: Option<String>,
    pub ip: Option<IpAddr>,
    /// Bounded, and free of control characters.
    pub user_agent: Option<String>,
}
