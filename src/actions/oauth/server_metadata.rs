//! Describes this authorization server (RFC 8414).

use std::time::Duration;

use crate::actions::Services;
use crate::domain::signing_key::SigningAlgorithm;

/// The metadata changes with the configuration only.
const MAX_AGE: Duration = Duration::from_secs(300);

pub struct ServerMetadata {
    /// `iss` of the tokens.
    pub issuer: String,
    /// Whether clients are configured, which may introspect and revoke tokens.
    pub has_clients: bool,
    /// Algorithms that tokens may have, the configured one first.
    pub algorithms: Vec<SigningAlgorithm>,
    /// How long clients may cache this.
    pub max_age: Duration,
}

#[must_use]
pub fn run(services: &Services) -> ServerMetadata {
    let services = &services.0;
    let configured = services.rotation.algorithm();
    let others = SigningAlgorithm::ALL.into_iter().filter(|other| *other != configured);
    ServerMetadata {
        issuer: services.access.policy().issuer.clone(),
        has_clients: !services.clients.is_empty(),
        algorithms: std::iter::once(configured).chain(others).collect(),
        max_age: MAX_AGE,
    }
}
