//! Creates a secret for a client of `/oauth/introspect` and `/oauth/revoke`.

use secrecy::SecretString;

use crate::app::Environment;
use crate::security::new_client_secret;

/// Create a secret, and return it with its hash. The secret is not stored.
#[must_use]
pub fn client_secret() -> (SecretString, String) {
    new_client_secret(&*Environment::default().random)
}
