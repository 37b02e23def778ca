//! Signing keys at rest, as the database and the key ring exchange them.

use std::fmt;

use time::OffsetDateTime;

/// A signing key as the database holds it: the private part encrypted under the secret key and
/// bound to `kid`.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedKey {
    /// RFC 7638 thumbprint of the public key; the primary key.
    pub kid: String,
    /// The encrypted private key.
    pub sealed: Vec<u8>,
    /// The public key, 32 bytes.
    pub public: Vec<u8>,
    /// It is in the JWKS from its creation on.
    pub created_at: OffsetDateTime,
    /// When it may begin to sign.
    pub activates_at: OffsetDateTime,
    /// When it stops verifying and can be deleted. It stops signing earlier, so that its last token
    /// can be verified.
    pub expires_at: OffsetDateTime,
}

impl fmt::Debug for SealedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedKey")
            .field("kid", &self.kid)
            .field("activates_at", &self.activates_at)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}
