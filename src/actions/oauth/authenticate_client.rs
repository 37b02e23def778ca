//! Authenticates a client by the id and the secret that `oauth.clients` configures.

use crate::actions::Services;
pub use crate::security::ClientId;

/// Authenticate; `None` for an unknown id or a wrong secret, after the same time.
#[must_use]
pub fn run(services: &Services, id: &str, secret: &str) -> Option<ClientId> {
    services.0.clients.authenticate(id, secret)
}
