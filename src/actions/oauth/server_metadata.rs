//! Describes this authorization server (RFC 8414).

use std::time::Duration;

use crate::actions::Services;

/// The metadata changes with the configuration only.
const MAX_AGE: Duration = Duration::from_secs(300);

pub struct ServerMetadata {
    /// `iss` of the tokens.
    pub issuer: String,
    /// Whether clients are configured, which may introspect and revoke tokens.
    pub has_clients: bool,
    /// How long clients may cache this.
    pub max_age: Duration,
}

#[must_use]
pub fn run(services: &Services) -> ServerMetadata {
    let services = &services.0;
    ServerMetadata {
        issuer: services.access.policy().issuer.clone(),
        has_clients: !services.clients.is_empty(),
        max_age: MAX_AGE,
    }
}
