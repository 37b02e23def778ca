//! Publishes the keys that verify access tokens (RFC 7517).

use std::time::Duration;

use crate::actions::Services;
use crate::security::signing_keys::JwkSet;
pub use crate::security::signing_keys::{Jwk, PublicKey};

/// A new key is published long before it signs.
const MAX_AGE: Duration = Duration::from_secs(300);

pub struct PublishedKeys {
    pub keys: JwkSet,
    /// How long verifiers may cache the keys.
    pub max_age: Duration,
}

/// Return every key that verifies tokens, also those that will sign later.
#[must_use]
pub fn run(services: &Services) -> PublishedKeys {
    let services = &services.0;
    PublishedKeys {
        keys: services.access.keys().jwks(services.clock.now()),
        max_age: MAX_AGE,
    }
}
