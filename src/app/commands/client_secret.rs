//! A secret for a client of `/oauth/introspect` and `/oauth/revoke`.

use secrecy::SecretString;

use crate::app::Seams;
use crate::security::new_client_secret;

/// Create a secret and its hash. Neither is stored.
#[must_use]
pub fn client_secret() -> (SecretString, String) {
    new_client_secret(&*Seams::default().random)
}
