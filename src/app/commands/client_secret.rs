//! A secret for a client of `/oauth/introspect` and `/oauth/revoke`.

use secrecy::SecretString;

use crate::app::Environment;
use crate::security::new_client_secret;

/// A new secret and the hash of it. Nothing is kept: the secret is seen this once.
#[must_use]
pub fn client_secret() -> (SecretString, String) {
    new_client_secret(&*Environment::default().random)
}
